"""Routing by task type: a task's calls on a cheaper model, on the very tokens those calls used.

**Saving** is the difference of the two costs * the share of shadow comparisons in which the target did no worse; low and high
use the ends of that share's 95 % Wilson interval. Without any comparison the whole difference stands as saving and high end, 0
as the low, and the row says what evidence is missing.

**Not measured here:** the target may use other numbers of tokens for the same question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from ai_finops.analyse.agreement import Agreement, Route
from ai_finops.analyse.levers.opportunity import (
    WEEKS_PER_MONTH,
    WINDOW_DAYS,
    Opportunity,
    in_order,
    too_small,
)
from ai_finops.analyse.price_book import TOKEN_CLASSES, PriceBook

LEVER = "routing_by_task_type"


class Group(NamedTuple):
    """Calls that would be moved together."""

    feature_id: str
    task_type: str
    model_id: str


@dataclass(slots=True)
class WeekOfCalls:
    """A group's priced calls of the trailing week, and the same tokens on the target; USD."""

    days: set[date]
    call_count: int = 0
    current_usd: float = 0.0
    target_usd: float | None = 0.0
    filled_in: frozenset[str] = frozenset()


def find(
    window: Sequence[Mapping[str, Any]],
    *,
    book: PriceBook,
    routes: Sequence[Mapping[str, Any]],
    agreement: Mapping[Route, Agreement],
) -> list[Opportunity]:
    """Find what each route would save.

    Args:
        window: Sums of the trailing week's calls by day and all that decides their price (`savings.summed_by_day`).
        book: Prices.
        routes: Rows of seed `routing_targets`.
        agreement: Shadow comparisons made before the date.
    """
    found = [
        _opportunity(group, week, target=target, agreement=agreement)
        for target in routes
        for group, week in sorted(_priced(window, target=target, book=book).items())
    ]
    return list(_one_target_each(found))


def _priced(
    window: Sequence[Mapping[str, Any]], *, target: Mapping[str, Any], book: PriceBook
) -> dict[Group, WeekOfCalls]:
    """Price the window's calls of the target's task type on the target, by feature and present model."""
    groups: dict[Group, WeekOfCalls] = {}
    model = target["target_model_id"]
    for row in window:
        if row["task_type"] != target["task_type"] or row["model_id"] == model:
            continue
        week = groups.setdefault(Group(row["feature_id"], row["task_type"], row["model_id"]), WeekOfCalls(set()))
        week.days.add(row["usage_date"])
        week.call_count += row["usage_date_count"]
        week.current_usd += float(row["estimated_cost_usd_sum"])
        quote = book.quote(
            row["provider_name"],
            model,
            {name: row[f"{name}_tokens_sum"] or 0 for name in TOKEN_CLASSES},
            region_scope=row["region_scope"],
            processing=row["processing"],
            day=row["usage_date"],
        )
        if quote is None or week.target_usd is None:
            week.target_usd = None
            continue
        week.target_usd += quote.cost_usd
        week.filled_in |= set(quote.filled_in_classes)
    return groups


def _opportunity(
    group: Group, week: WeekOfCalls, *, target: Mapping[str, Any], agreement: Mapping[Route, Agreement]
) -> Opportunity:
    """Judge one group against one target."""
    model = target["target_model_id"]
    measured = agreement.get(Route(group.task_type, group.model_id, model))
    shares = (measured.ratio, *measured.interval) if measured else (1.0, 0.0, 1.0)
    # Without a price there is no difference: 0 is the saving that can be shown, and the row is rejected.
    difference = 0.0 if week.target_usd is None else (week.current_usd - week.target_usd) * WEEKS_PER_MONTH
    saving, low, high = (difference * share for share in shares)
    found = Opportunity(
        lever=LEVER,
        feature_id=group.feature_id,
        about=(group.task_type, group.model_id, model),
        task_type=group.task_type,
        current_model_id=group.model_id,
        target_model_id=model,
        current_usd=week.current_usd * WEEKS_PER_MONTH,
        target_usd=None if week.target_usd is None else week.target_usd * WEEKS_PER_MONTH,
        saving_usd=saving,
        low_saving_usd=low,
        high_saving_usd=high,
        agreement_ratio=measured.ratio if measured else None,
        agreement_sample_count=measured.sample_count if measured else 0,
        evidence=_evidence(week, agreement=measured),
        missing_evidence=_missing_evidence(week, target=target, agreement=measured),
        effort=target["effort"],
        is_measured=bool(measured and measured.sample_count >= target["min_samples"]),
        reason=_reason_against(week, target=target, agreement=measured),
    )
    return too_small(found)


def _reason_against(week: WeekOfCalls, *, target: Mapping[str, Any], agreement: Agreement | None) -> str | None:
    """Say why this is not worth doing; None when nothing speaks against it."""
    if week.target_usd is None:
        return "the target has no price for tokens these calls used"
    if week.target_usd >= week.current_usd:
        prices = f"${week.target_usd:,.2f} against ${week.current_usd:,.2f} a week"
        return f"the target is not cheaper: {prices} on the same tokens"
    limit = float(target["min_agreement_ratio"])
    if agreement and agreement.sample_count >= target["min_samples"] and agreement.interval[0] < limit:
        return f"no worse in {agreement.interval[0]:.1%} of comparisons at least, wanted are {limit:.1%}"
    return None


def _evidence(week: WeekOfCalls, *, agreement: Agreement | None) -> str:
    days = f"{len(week.days)} of the trailing {WINDOW_DAYS} days"
    text = f"{week.call_count:,} calls on {days}, same tokens at list prices, times 365/12/7 for a month"
    if agreement is None:
        return text
    low, high = agreement.interval
    compared = f"{agreement.no_worse_count:,} of {agreement.sample_count:,} shadow comparisons"
    return f"{text}; no worse in {compared} ({agreement.ratio:.1%}, 95 % interval {low:.1%} to {high:.1%})"


def _missing_evidence(week: WeekOfCalls, *, target: Mapping[str, Any], agreement: Agreement | None) -> str | None:
    missing = []
    if agreement is None:
        missing.append("no shadow comparison of these two models on this task type: quality is not known")
    elif agreement.sample_count < target["min_samples"]:
        missing.append(f"{agreement.sample_count} of the {target['min_samples']} shadow comparisons wanted")
    if week.filled_in:
        classes = ", ".join(sorted(week.filled_in))
        missing.append(f"the target has no price of its own for {classes}: taken as other input")
    return "; ".join(missing) or None


def _one_target_each(found: Sequence[Opportunity]) -> Iterator[Opportunity]:
    """Calls can be moved only once: of several open targets for the same calls the first stays open."""
    first: dict[tuple, str | None] = {}
    for each in sorted(found, key=in_order):
        calls = (each.feature_id, each.task_type, each.current_model_id)
        better = first.setdefault(calls, each.target_model_id) if each.reason is None else None
        if better not in (None, each.target_model_id):
            each = each.rejected(f"{better} is the better target for the same calls")
        yield each
