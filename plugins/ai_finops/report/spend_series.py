"""What the message's picture shows: a few features by week, all others together, what belongs to none, and the month's
end. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ai_finops.report.review import BAND, MonthProjection, SpendWeek, WeeklyReview
from ai_finops.report.wording import counted, day_name, dollars, one_line

MOST_FEATURES = 4
OTHERS = "All others"
UNATTRIBUTED = "unattributed"
_MOST_NAME = 23


@dataclass(frozen=True, slots=True)
class Layer:
    """What one feature, or all others together, cost in each week, USD; None where nothing of it is known."""

    name: str
    costs_usd: tuple[Decimal | None, ...]
    is_nobodys: bool = False
    """Whether it is what belongs to no feature."""


@dataclass(frozen=True, slots=True)
class SpendSeries:
    """The picture's data: layers from the bottom up, by week."""

    weeks: tuple[SpendWeek, ...]
    layers: tuple[Layer, ...]
    month: MonthProjection | None

    @property
    def totals_usd(self) -> tuple[Decimal | None, ...]:
        """Return what is known of each week's cost; None where nothing is."""
        return tuple(
            sum(week.cost_usd_by_feature.values(), Decimal(0)) if week.cost_usd_by_feature else None
            for week in self.weeks
        )


def spend_series(review: WeeklyReview) -> SpendSeries:
    """Return the dearest features of the last week, the dearest at the bottom, on them all others together.

    What belongs to no feature is none of these: it stands on top by itself, however small.
    """
    spent: dict[str, Decimal] = {}
    for week in review.spend:
        for feature_id, cost in week.cost_usd_by_feature.items():
            spent[feature_id] = spent.get(feature_id, Decimal(0)) + cost
    now = review.spend[-1].cost_usd_by_feature if review.spend else {}
    features = spent.keys() - {UNATTRIBUTED}
    ranked = sorted(features, key=lambda feature_id: (-now.get(feature_id, Decimal(0)), -spent[feature_id], feature_id))
    # One feature more is better than a layer of others that holds nothing but it.
    count = len(ranked) if len(ranked) == MOST_FEATURES + 1 else MOST_FEATURES
    named, others = ranked[:count], ranked[count:]
    layers = [
        Layer(_name(feature_id, review.feature_names), _costs([feature_id], review.spend)) for feature_id in named
    ]
    if others:
        layers.append(Layer(OTHERS, _costs(others, review.spend)))
    if spent.get(UNATTRIBUTED):
        name = _name(UNATTRIBUTED, {UNATTRIBUTED: "Unattributed"} | dict(review.feature_names))
        layers.append(Layer(name, _costs([UNATTRIBUTED], review.spend), is_nobodys=True))
    return SpendSeries(review.spend, tuple(layers), review.month)


def alt_text(series: SpendSeries) -> str:
    """Return the picture in words, with its numbers."""
    lines = [f"AI cost by feature, {counted(len(series.weeks), 'week')}."]
    for place, (week, total) in enumerate(zip(series.weeks, series.totals_usd, strict=True)):
        amount = "not known" if total is None else dollars(total)
        line = f"Week of {day_name(week.week_start_date)}: {amount}{week_note(week)}"
        if place == len(series.weeks) - 1:
            parts = ((layer.name, layer.costs_usd[place]) for layer in series.layers)
            line += ": " + ", ".join(f"{name} {dollars(cost)}" for name, cost in parts if cost is not None)
        lines.append(f"{line}.")
    return " ".join([*lines, f"{month_text(series.month)}."])


def week_note(week: SpendWeek) -> str:
    """Return what is lacking in a week's bar, in brackets; nothing where it is whole."""
    days = [] if week.covered_day_count >= 7 else [f"{week.covered_day_count} of 7 days"]
    count = week.unknown_cost_call_count
    calls = [f"without {counted(count, 'call')} of unknown cost"] if count else []
    return f" ({', '.join(days + calls)})" if days or calls else ""


def month_text(month: MonthProjection | None) -> str:
    """Return the month's projected end and its band in words."""
    if month is None:
        return "Month end: not projected"
    name = f"{month.month_start_date:%B}"
    if month.projected_cost_usd is None:
        return f"{name}: month end not projected"
    band = ""
    if month.low_cost_usd is not None and month.high_cost_usd is not None:
        band = f" ({BAND} {dollars(month.low_cost_usd)} to {dollars(month.high_cost_usd)})"
    so_far = "" if month.actual_cost_usd is None else f", {dollars(month.actual_cost_usd)} so far"
    return f"{name}: {dollars(month.projected_cost_usd)} projected{band}{so_far}"


def _costs(feature_ids: list[str], weeks: tuple[SpendWeek, ...]) -> tuple[Decimal | None, ...]:
    known = (
        [week.cost_usd_by_feature[each] for each in feature_ids if each in week.cost_usd_by_feature] for week in weeks
    )
    return tuple(sum(costs, Decimal(0)) if costs else None for costs in known)


def _name(feature_id: str, names: Mapping[str, str]) -> str:
    return one_line(names.get(feature_id, feature_id), most=_MOST_NAME)
