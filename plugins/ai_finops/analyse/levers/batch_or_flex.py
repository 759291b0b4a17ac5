"""Batch or flex: calls for which nobody waits, on the provider's slower and cheaper tier.

**Saving** is the difference of the two tiers' prices on the same tokens and the same model. Which calls can wait is what seed
`task_types` says of their kind: that is a judgement and no measurement, so that 0 is the low end and the row says so. Calls
on a slower tier already are left out; without a price for one nothing is guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ai_finops.analyse.levers.call_sums import Row, generating, tokens_of
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS, Opportunity, too_small
from ai_finops.analyse.levers.rates import LIST_PRICE, Rates, said
from ai_finops.analyse.price_book import PriceBook

LEVER = "batch_or_flex"
TIERS = ("batch", "flex")
FASTER = ("on_demand", "priority")


class Group(NamedTuple):
    """Calls that would wait together."""

    feature_id: str
    task_type: str
    model_id: str


def find(
    window: Sequence[Row], *, book: PriceBook, rates: Rates, delay_tolerant: Collection[str], effort: str
) -> list[Opportunity]:
    """Find what each feature's patient calls would save.

    Args:
        window: The trailing week's sums of calls.
        delay_tolerant: Task types whose calls can wait (seed `task_types`, `is_delay_tolerant`).
        effort: What it takes, in words.
    """
    groups: dict[Group, list[Row]] = defaultdict(list)
    call_counts: dict[str, int] = defaultdict(int)
    for row in generating(window):
        call_counts[row["feature_id"]] += row["call_count"]
        if row["task_type"] in delay_tolerant and row["processing"] in FASTER:
            groups[Group(*(row[name] for name in Group._fields))].append(row)
    return [
        _opportunity(
            group,
            rows,
            book=book,
            rates=rates,
            feature_call_count=call_counts[group.feature_id],
            effort=effort,
        )
        for group, rows in sorted(groups.items())
    ]


def _opportunity(
    group: Group, rows: Sequence[Row], *, book: PriceBook, rates: Rates, feature_call_count: int, effort: str
) -> Opportunity:
    costs = {tier: cost for tier in TIERS if (cost := _cost(rows, tier=tier, book=book, rates=rates)) is not None}
    tier = min(costs, key=costs.__getitem__, default=None)
    listed = sum(float(row["estimated_cost_usd"]) for row in rows)
    current = sum(float(row["estimated_cost_usd"]) * _rate(row, rates) for row in rows)
    rate = current / listed if listed else LIST_PRICE
    target = None if tier is None else costs[tier]
    saving = 0.0 if target is None else (current - target) * WEEKS_PER_MONTH
    prices = "" if tier is None else f", same tokens in {tier} at {said(rate)}"
    call_count = sum(row["call_count"] for row in rows)
    found = Opportunity(
        lever=LEVER,
        feature_id=group.feature_id,
        about=(group.task_type, group.model_id),
        task_type=group.task_type,
        current_model_id=group.model_id,
        target_model_id=group.model_id,
        current_usd=current * WEEKS_PER_MONTH,
        target_usd=None if target is None else target * WEEKS_PER_MONTH,
        saving_usd=saving,
        low_saving_usd=min(0.0, saving),
        high_saving_usd=saving,
        ratio_name="delay_tolerant_call_ratio",
        ratio=call_count / feature_call_count,
        evidence=(
            f"{call_count:,} calls on {len({row['usage_date'] for row in rows})} of the trailing {WINDOW_DAYS} days, "
            f"{call_count / feature_call_count:.1%} of the feature's{prices}"
        ),
        missing_evidence=f"that nobody waits for {group.task_type} calls is what seed task_types says of all, and not measured",
        effort=effort,
        reason=_reason_against(group, current=current, target=target, tier=tier),
    )
    return too_small(found)


def _cost(rows: Sequence[Row], *, tier: str, book: PriceBook, rates: Rates) -> float | None:
    """Return what the account would pay for all rows on a tier; None where any of their tokens has no price there.

    A cache class whose price is missing counts as input of that tier.
    """
    total = 0.0
    for row in rows:
        where = {"region_scope": row["region_scope"], "processing": tier, "day": row["usage_date"]}
        quote = book.quote(row["provider_name"], row["model_id"], tokens_of(row), **where)
        if quote is None:
            return None
        total += quote.cost_usd * _rate(row, rates)
    return total


def _rate(row: Row, rates: Rates) -> float:
    return rates.find(row["provider_name"], row["model_id"], current_model_id=row["model_id"])


def _reason_against(group: Group, *, current: float, target: float | None, tier: str | None) -> str | None:
    if target is None:
        return f"the price table has no batch or flex price for {group.model_id}"
    if target >= current:
        return f"{tier} is not cheaper: ${target:,.2f} against ${current:,.2f} a week on the same tokens"
    return None
