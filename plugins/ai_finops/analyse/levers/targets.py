"""A task's calls as they would cost on another model: what routing and a cascade both begin with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from ai_finops.analyse.agreement import Route
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import Row, generating
from ai_finops.analyse.levers.rates import LIST_PRICE, Rates, said
from ai_finops.analyse.levers.token_use import TokenEvidence, TokenUse
from ai_finops.analyse.price_book import PriceBook


class Group(NamedTuple):
    """Calls that would be moved together."""

    feature_id: str
    task_type: str
    model_id: str


@dataclass(frozen=True, slots=True)
class Move:
    """A group's priced calls of the trailing week, and what they would cost on the target; USD a week as the account pays."""

    group: Group
    target_model_id: str
    days: frozenset[date]
    call_count: int
    current_usd: float
    target_usd: float | None
    """None where the target has no price for these tokens."""
    output_tokens: int
    expensive_ratio: float
    """Of the feature's calls of the task type, the share on the expensive tier."""
    rate: float
    """What the account pays of the calls' list prices."""
    token_use: TokenUse
    filled_in: frozenset[str]

    @property
    def basis(self) -> str:
        """Say which tokens the target is priced by, and at which prices."""
        tokens = self.token_use.said(output_tokens_per_call=self.output_tokens / self.call_count)
        return f"{tokens} at {said(self.rate)}"


def moves(
    window: Sequence[Row],
    *,
    evidence: TokenEvidence,
    target: Mapping[str, Any],
    book: PriceBook,
    rates: Rates,
    assumptions: Assumptions,
) -> list[Move]:
    """Price the expensive calls of the target's task type on the target, by feature and present model.

    Args:
        window: The trailing week's sums of calls.
        evidence: What is known of the target's tokens.
        target: A row of seed `routing_targets`.
    """
    task_type, model = target["task_type"], target["target_model_id"]
    of_task = [row for row in generating(window) if row["task_type"] == task_type]
    groups: dict[Group, list[Row]] = defaultdict(list)
    for row in of_task:
        # What a router sent on is what a cheaper model could not answer.
        if row["model_tier"] == "expensive" and row["model_id"] != model and not row["is_sent_on"]:
            groups[Group(*(row[name] for name in Group._fields))].append(row)
    if not groups:
        return []
    ratios = _expensive_ratios(of_task)
    return [
        _move(
            group,
            rows,
            model=model,
            token_use=evidence.find(
                group.feature_id,
                Route(task_type, group.model_id, model),
                smallest_sample=assumptions.value("routing_min_target_calls", group.feature_id),
            ),
            expensive_ratio=ratios[group.feature_id],
            book=book,
            rates=rates,
        )
        for group, rows in sorted(groups.items())
    ]


def _move(
    group: Group,
    rows: Sequence[Row],
    *,
    model: str,
    token_use: TokenUse,
    expensive_ratio: float,
    book: PriceBook,
    rates: Rates,
) -> Move:
    listed_usd = sum(float(row["estimated_cost_usd"]) for row in rows)
    paid_usd = sum(float(row["estimated_cost_usd"]) * _rate(row, group.model_id, rates) for row in rows)
    target_usd, filled_in = _on_target(rows, model=model, token_use=token_use, book=book, rates=rates)
    return Move(
        group=group,
        target_model_id=model,
        days=frozenset(row["usage_date"] for row in rows),
        call_count=sum(row["call_count"] for row in rows),
        current_usd=paid_usd,
        target_usd=target_usd,
        output_tokens=sum(int(row["output_tokens"] or 0) for row in rows),
        expensive_ratio=expensive_ratio,
        rate=paid_usd / listed_usd if listed_usd else LIST_PRICE,
        token_use=token_use,
        filled_in=filled_in,
    )


def _on_target(
    rows: Iterable[Row], *, model: str, token_use: TokenUse, book: PriceBook, rates: Rates
) -> tuple[float | None, frozenset[str]]:
    """Return what the account would pay, None where a price is missing, and the classes priced as other input."""
    cost, filled_in = 0.0, set()
    for row in rows:
        where = {"region_scope": row["region_scope"], "processing": row["processing"], "day": row["usage_date"]}
        quote = book.quote(row["provider_name"], model, token_use.of(row), **where)
        if quote is None:
            return None, frozenset()
        cost += quote.cost_usd * _rate(row, model, rates)
        filled_in |= set(quote.filled_in_classes)
    return cost, frozenset(filled_in)


def _rate(row: Row, model: str, rates: Rates) -> float:
    return rates.find(row["provider_name"], model, current_model_id=row["model_id"])


def _expensive_ratios(rows: Iterable[Row]) -> dict[str, float]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        counts[row["feature_id"]][0] += row["call_count"] * (row["model_tier"] == "expensive")
        counts[row["feature_id"]][1] += row["call_count"]
    return {feature: expensive / all_calls for feature, (expensive, all_calls) in counts.items()}
