"""A cache of answers: the best point of a feature's curve, less what embedding, looking up and running the cache cost.

**Saving**, a month: what the queries with an earlier one like them cost * the share of those hits that are right, as
calibrated for the embedder and band, less embedding and lookup of *every* query, less the cache's fixed cost. A wrong hit
saves nothing, and does harm: somebody gets the answer to another question; how many is in the evidence. Low and high take the
ends of the calibrations' 95 % Wilson intervals. **Break-even** is the share of queries that have to hit: cost per query /
(mean cost of a query that hits * precision). **Quality**: of the curve only points count whose answers are right often enough
(`cache_min_precision_ratio`); where only the others would pay, the lever is rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from ai_finops.analyse.cache_curves import NO_EMBEDDER
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.cache_costs import Costs, costs_of, embedded_tokens
from ai_finops.analyse.levers.call_sums import Row
from ai_finops.analyse.levers.opportunity import (
    SMALLEST_SAVING_USD,
    WEEKS_PER_MONTH,
    WINDOW_DAYS,
    Opportunity,
    too_small,
)
from ai_finops.analyse.price_book import PriceBook
from ai_finops.analyse.schemas import to_money

LEVER = "semantic_cache"
_COUNTS = ("query_count", "hit_count")
_SUMS = (
    "query_cost_usd",
    "hit_cost_usd",
    "right_hit_count",
    "saved_cost_usd",
    "low_saved_cost_usd",
    "high_saved_cost_usd",
)


class Point(NamedTuple):
    """A setting of the cache; similarity 1 is the same text, which needs no embedder."""

    embedder_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Week:
    """A feature's curve at one point over the trailing week; right hits and savings are 0 where not calibrated."""

    point: Point
    day_count: int
    sums: Mapping[str, float]
    is_calibrated: bool

    @property
    def precision(self) -> float:
        """Share of hits whose answer is right; without hits none is wrong."""
        return self.sums["right_hit_count"] / self.sums["hit_count"] if self.sums["hit_count"] else 1.0

    @property
    def alike(self) -> str:
        """Say how alike queries are here."""
        is_text = self.point.embedder_id == NO_EMBEDDER
        return "of the same text" if is_text else f"at a similarity of {self.point.similarity:g} or more"


def find(
    window: Sequence[Mapping[str, Any]],
    *,
    calls: Sequence[Row],
    assumptions: Assumptions,
    book: PriceBook,
    as_of: date,
    effort: str,
) -> list[Opportunity]:
    """Find what a cache of answers would save, one opportunity per feature.

    Args:
        window: The trailing week's rows of `cache_curves.curves`.
        calls: The trailing week's sums of calls, for how long queries are that a feature embeds already.
        assumptions: For the cache's costs and the smallest sample.
        book: For the embedder's price.
        as_of: Date of issue.
        effort: What it takes, in words.
    """
    by_feature: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in window:
        by_feature[row["feature_id"]].append(row)
    lengths = embedded_tokens(calls)
    return [
        _opportunity(
            feature,
            list(_weeks(rows)),
            query_tokens=lengths.get(feature, assumptions.value("cache_query_embedding_tokens", feature)),
            assumptions=assumptions,
            book=book,
            as_of=as_of,
            effort=effort,
        )
        for feature, rows in sorted(by_feature.items())
        if feature != "unattributed"
    ]


def _weeks(rows: Iterable[Mapping[str, Any]]) -> Iterable[Week]:
    by_point: dict[Point, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_point[Point(row["embedder_id"], row["similarity"])].append(row)
    for point, days in sorted(by_point.items()):
        sums = {name: sum(float(day[name] or 0) for day in days) for name in (*_COUNTS, *_SUMS)}
        yield Week(point, len(days), sums, all(day["is_calibrated"] for day in days))


def _opportunity(
    feature: str,
    weeks: Sequence[Week],
    *,
    query_tokens: float,
    assumptions: Assumptions,
    book: PriceBook,
    as_of: date,
    effort: str,
) -> Opportunity:
    """Judge a feature's curve by its best point of those that are calibrated and right often enough, as the same text is."""
    costs = {
        week.point: costs_of(
            feature, week.point.embedder_id, query_tokens=query_tokens, assumptions=assumptions, book=book, day=as_of
        )
        for week in weeks
    }
    limit = assumptions.value("cache_min_precision_ratio", feature)
    known = [week for week in weeks if week.is_calibrated]
    allowed = [week for week in known if week.precision >= limit]
    best = max(allowed, key=lambda week: _saving(week, costs[week.point], end=""))
    most_saving = max(known, key=lambda week: _saving(week, costs[week.point], end=""))
    saving, low, high = (_saving(best, costs[best.point], end=end) for end in ("", "low_", "high_"))
    unknown = [week for week in weeks if not week.is_calibrated]
    # Of hits that nobody has judged as many may be right as there are.
    most = [_most(week, costs[week.point]) for week in unknown]
    cost = costs[best.point]
    volume = best.sums["query_count"] * WEEKS_PER_MONTH
    found = Opportunity(
        lever=LEVER,
        feature_id=feature,
        about=(),
        current_usd=best.sums["query_cost_usd"] * WEEKS_PER_MONTH,
        target_usd=best.sums["query_cost_usd"] * WEEKS_PER_MONTH - saving,
        saving_usd=saving,
        low_saving_usd=low,
        high_saving_usd=max([high, *most]),
        ratio_name="hit_ratio",
        ratio=best.sums["hit_count"] / best.sums["query_count"],
        head_ratio=best.sums["right_hit_count"] / best.sums["query_count"],
        break_even_ratio=_break_even(best, cost, volume=volume),
        evidence=_evidence(best, cost, feature=feature, assumptions=assumptions),
        missing_evidence=_missing_evidence(best, unknown, feature=feature, assumptions=assumptions),
        effort=effort,
        is_measured=not unknown and best.sums["query_count"] >= assumptions.value("cache_query_min_samples", feature),
    )
    if any(usd >= SMALLEST_SAVING_USD for usd in most):
        return found
    if saving <= 0 < _saving(most_saving, costs[most_saving.point], end=""):
        return found.rejected(_too_often_wrong(most_saving, limit=limit))
    return too_small(_rejected(found, best, cost, volume=volume))


def _saving(week: Week, costs: Costs, *, end: str) -> float:
    gross = week.sums[f"{end}saved_cost_usd"] * WEEKS_PER_MONTH
    return gross - costs.monthly(week.sums["query_count"] * WEEKS_PER_MONTH)


def _most(week: Week, costs: Costs) -> float:
    gross = week.sums["hit_cost_usd"] * WEEKS_PER_MONTH
    return gross - costs.monthly(week.sums["query_count"] * WEEKS_PER_MONTH)


def _break_even(week: Week, costs: Costs, *, volume: float) -> float | None:
    """Return the share of queries that have to hit; None where none hits, so that what a hit saves is not known.

    The mean is over the queries that hit: often they are the cheap ones, and a mean of all would promise too much. So the
    share is above its break-even exactly where the saving is above 0.
    """
    if not week.sums["saved_cost_usd"]:
        return None
    return costs.monthly(volume) / volume / (week.sums["saved_cost_usd"] / week.sums["hit_count"])


def _rejected(found: Opportunity, week: Week, costs: Costs, *, volume: float) -> Opportunity:
    if not week.sums["hit_count"]:
        return found.rejected("no query had an earlier one like it")
    if found.break_even_ratio is None:
        return found.rejected("no query that hit has a known cost, so that a hit saves nothing that can be shown")
    if to_money(found.saving_usd) > 0:
        return found
    gross = week.sums["saved_cost_usd"] * WEEKS_PER_MONTH
    return found.rejected(
        f"the cache would cost ${costs.monthly(volume):,.2f} a month and its right hits save ${gross:,.2f}: "
        f"{found.ratio:.1%} hit, {found.break_even_ratio:.1%} are wanted"
    )


def _too_often_wrong(week: Week, *, limit: float) -> str:
    return f"it pays only {week.alike}, where {week.precision:.1%} of its answers are right; wanted are {limit:.1%}"


def _evidence(week: Week, costs: Costs, *, feature: str, assumptions: Assumptions) -> str:
    sums = week.sums
    days = f"{week.day_count} of the trailing {WINDOW_DAYS} days"
    hits = f"{sums['hit_count']:,.0f} of {sums['query_count']:,.0f} queries on {days}"
    wrong = (sums["hit_count"] - sums["right_hit_count"]) * WEEKS_PER_MONTH
    harm = f", {week.precision:.1%} of them right; about {wrong:,.0f} wrong answers a month would be given"
    right = "" if week.point.embedder_id == NO_EMBEDDER else harm
    default = assumptions.find("cache_break_even_hit_ratio", feature)
    return (
        f"{hits} had an earlier one {week.alike}{right}; per query ${costs.embedding_usd_per_query:.6f} embedding and "
        f"${costs.lookup_usd_per_query:.6f} lookup, ${costs.fixed_usd_per_month:,.2f} a month fixed "
        f"({assumptions.find('cache_fixed_usd_per_month', feature).source}); "
        f"for comparison only, break-even at {default.value:.0%} of hits ({default.source})"
    )


def _missing_evidence(week: Week, unknown: Sequence[Week], *, feature: str, assumptions: Assumptions) -> str | None:
    missing = []
    if embedders := sorted({each.point.embedder_id for each in unknown}):
        missing.append(
            f"how many hits of {', '.join(embedders)} are right is not calibrated, they are in the high end alone: "
            "label pairs and run `ai-finops calibrate`"
        )
    wanted = assumptions.value("cache_query_min_samples", feature)
    if week.sums["query_count"] < wanted:
        missing.append(f"{week.sums['query_count']:,.0f} of the {wanted:,.0f} queries wanted")
    return "; ".join(missing) or None
