"""Month to date: what a feature has cost in a month before a day, as the marts have it, and whether that is known.

Never modelled. A month of which more days are missing than seed `reporting_bounds` bears, or more calls are of unknown cost
(`known_costs.py`), has no figure; one with a few missing days has the sum of the others, and says how many are missing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pyarrow as pa

from ai_finops.analyse.known_costs import CallCounts
from ai_finops.analyse.series import TOTAL
from ai_finops.days import days_between, month_start

KNOWN = "known"
DAYS_MISSING = "days_missing"
TOO_MANY_DAYS_MISSING = "too_many_days_missing"
UNKNOWN_COST = "unknown_cost"
_COUNTS = ("request_count", "input_tokens", "output_tokens", "unknown_cost_call_count", "unknown_cost_tokens")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a month has cost before a day."""

    cost_usd: Decimal | None
    status: str
    """`known`; `days_missing`: the sum of the other days; without a figure `too_many_days_missing`, `unknown_cost`."""
    missing_day_count: int
    """Days of the month so far that are not covered: not landed and on no bill, or before the first one that is."""


@dataclass(slots=True)
class _Day:
    cost_usd: Decimal | None = None
    counts: CallCounts = field(default_factory=CallCounts)

    def add(self, row: dict) -> None:
        """Add a row of the day."""
        cost_usd = row["allocated_cost_usd"]
        if cost_usd is not None:
            self.cost_usd = cost_usd if self.cost_usd is None else self.cost_usd + cost_usd
        self.counts.add_row(row)


@dataclass(frozen=True, slots=True)
class MonthToDate:
    """Costs by feature and day, and the days that are covered."""

    days: dict[str, dict[date, _Day]]
    covered_days: tuple[date, ...]
    largest_unknown_ratio: float
    largest_missing_ratio: float

    @classmethod
    def from_table(
        cls,
        daily_costs: pa.Table,
        *,
        covered_days: Collection[date],
        largest_unknown_ratio: float,
        largest_missing_ratio: float,
    ) -> MonthToDate:
        """Read rows of `fct_daily_feature_costs`; the series `total` is added.

        Args:
            daily_costs: One or more rows per day and feature.
            covered_days: Days of which it is known what was called.
            largest_unknown_ratio: Calls of unknown cost that a month may have.
            largest_missing_ratio: Days that may be missing of those that the month has so far.
        """
        days: dict[str, dict[date, _Day]] = {}
        for row in daily_costs.select(("usage_date", "feature_id", "allocated_cost_usd", *_COUNTS)).to_pylist():
            for name in (row["feature_id"], TOTAL):
                days.setdefault(name, {}).setdefault(row["usage_date"], _Day()).add(row)
        return cls(days, tuple(sorted(covered_days)), largest_unknown_ratio, largest_missing_ratio)

    def before(self, feature_id: str, as_of: date) -> Spent:
        """Return what `feature_id` has cost in the month of `as_of` before that day; on the first of a month nothing yet."""
        first = month_start(as_of)
        day_count = (as_of - first).days
        missing = day_count - (bisect_left(self.covered_days, as_of) - bisect_left(self.covered_days, first))
        if missing > self.largest_missing_ratio * day_count:
            return Spent(None, TOO_MANY_DAYS_MISSING, missing)
        rows = self._rows(feature_id, first, as_of)
        known = [row.cost_usd for row in rows if row.cost_usd is not None]
        counts = CallCounts()
        for row in rows:
            counts.add(row.counts)
        if (rows and not known) or not counts.is_cost_known(largest_unknown_ratio=self.largest_unknown_ratio):
            return Spent(None, UNKNOWN_COST, missing)
        return Spent(sum(known, Decimal(0)), DAYS_MISSING if missing else KNOWN, missing)

    def reached(self, feature_id: str, as_of: date, *, budget_cost_usd: Decimal) -> date | None:
        """Return the first day of the month of `as_of`, and before it, on which the month had cost more than that."""
        cost_usd = Decimal(0)
        for day in days_between(month_start(as_of), as_of):
            row = self.days.get(feature_id, {}).get(day) if day < as_of else None
            cost_usd += (row.cost_usd if row else None) or 0
            if cost_usd > budget_cost_usd:
                return day
        return None

    def _rows(self, feature_id: str, first: date, as_of: date) -> list[_Day]:
        series = self.days.get(feature_id, {})
        return [series[day] for day in days_between(first, as_of) if day < as_of and day in series]
