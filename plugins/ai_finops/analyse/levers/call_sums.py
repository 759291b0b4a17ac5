"""Sums of calls by day and all that decides what they cost: what levers read instead of single calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops.analyse.levers.opportunity import WINDOW_DAYS
from ai_finops.analyse.price_book import TOKEN_CLASSES

LONGEST_WINDOW_DAYS = 28
"""How far a date of issue looks back at most."""
KEYS = (
    "usage_date",
    "feature_id",
    "pipeline_id",
    "task_type",
    "operation_name",
    "provider_name",
    "model_id",
    "model_tier",
    "region_scope",
    "processing",
    "is_generating",
    "is_sent_on",
)
TOKENS = tuple(f"{name}_tokens" for name in TOKEN_CLASSES)

Row = Mapping[str, Any]
"""`KEYS`, of which `is_sent_on` is true of calls that a router made because a cheaper model was not sure or failed;
`call_count`, `TOKENS`, `estimated_cost_usd` and `allocated_cost_usd` (the bill's share, else the estimate) of calls
that have a price; of those that are billed, both costs once more: `billed_estimated_cost_usd`, `billed_allocated_cost_usd`."""


def days_looked_back_on(as_of_dates: Collection[date]) -> list[date]:
    """Return the days that any of these dates of issue reads, in order."""
    spans = range(1, LONGEST_WINDOW_DAYS + 1)
    return sorted({as_of - timedelta(days=day) for as_of in as_of_dates for day in spans})


@dataclass(frozen=True, slots=True)
class CallSums:
    """The sums by day, each day's in a fixed order; a window costs its own days, however many there are."""

    by_day: Mapping[date, Sequence[Row]]

    @classmethod
    def from_table(cls, table: pa.Table) -> CallSums:
        """Read the sums of calls; what belongs to no feature is left out, and its day is there all the same."""
        by_day: dict[date, list[Row]] = defaultdict(list)
        for row in table.to_pylist():
            of_day = by_day[row["usage_date"]]
            if row["feature_id"] not in (None, "unattributed"):
                of_day.append(row)
        return cls({day: sorted(rows, key=_in_order) for day, rows in by_day.items()})

    def window(self, as_of: date, *, days: int = WINDOW_DAYS) -> list[Row]:
        """Return the rows of the `days` days before `as_of`."""
        before = (as_of - timedelta(days=back) for back in range(days, 0, -1))
        return [row for day in before for row in self.by_day.get(day, ())]

    def day_count(self, as_of: date, *, days: int = WINDOW_DAYS) -> int:
        """Return how many of the `days` days before `as_of` have any call."""
        return sum(as_of - timedelta(days=back) in self.by_day for back in range(1, days + 1))


def generating(rows: Iterable[Row]) -> list[Row]:
    """Return those that answer: what embeds or reranks can go to no other model."""
    return [row for row in rows if row["is_generating"]]


def tokens_of(row: Row) -> dict[str, int]:
    """Return a row's tokens by class, as prices ask for them."""
    return {name: int(row[f"{name}_tokens"] or 0) for name in TOKEN_CLASSES}


def _in_order(row: Row) -> tuple[str, ...]:
    # What is added up as floats has to come in one order, or a micro-dollar differs between two builds of one lake.
    return tuple(str(row[key]) for key in KEYS)
