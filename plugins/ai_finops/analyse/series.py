"""Daily costs as series: which days are known, and what each feature cost on each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from ai_finops.analyse.known_costs import CallCounts

TOTAL = "total"
_COLUMNS = (
    "usage_date",
    "feature_id",
    "allocated_cost_usd",
    "request_count",
    "input_tokens",
    "output_tokens",
    "unknown_cost_call_count",
    "unknown_cost_tokens",
)


@dataclass(frozen=True, slots=True)
class CostHistory:
    """Cost by feature and day, USD; None on a day of which too much of it is not known.

    On a covered day it is known what was called, so a feature that has begun by then and has no row cost nothing on it.
    A day that is not covered is in no series, whatever row it has.
    """

    covered_days: tuple[date, ...]
    usd: dict[str, dict[date, float | None]]
    first_day: dict[str, date]

    @classmethod
    def from_table(
        cls,
        daily_costs: pa.Table,
        *,
        covered_days: Collection[date] | None = None,
        largest_unknown_ratio: float,
    ) -> CostHistory:
        """Read rows of `fct_daily_feature_costs`; the series `total` is added.

        Args:
            daily_costs: One or more rows per day and feature.
            covered_days: Default: the days with a row.
            largest_unknown_ratio: Calls of unknown cost that a day may have (`known_costs.py`).
        """
        usd: dict[str, dict[date, float | None]] = {}
        counts: dict[str, dict[date, CallCounts]] = {}
        for row in daily_costs.select(_COLUMNS).to_pylist():
            day, value = row["usage_date"], row["allocated_cost_usd"]
            for name in (row["feature_id"], TOTAL):
                series = usd.setdefault(name, {})
                series.setdefault(day, None)
                if value is not None:
                    series[day] = (series[day] or 0.0) + float(value)
                counts.setdefault(name, {}).setdefault(day, CallCounts()).add_row(row)
        for name, days in counts.items():
            for day, calls in days.items():
                if not calls.is_cost_known(largest_unknown_ratio=largest_unknown_ratio):
                    usd[name][day] = None
        return cls(
            covered_days=tuple(sorted(set(usd.get(TOTAL, ()) if covered_days is None else covered_days))),
            usd=usd,
            first_day={name: min(series) for name, series in usd.items()},
        )

    def features_before(self, day: date) -> list[str]:
        """Return the series that have begun before `day`, by name."""
        return sorted(name for name, first in self.first_day.items() if first < day)

    def micros(self, feature_id: str) -> dict[date, int | None]:
        """Return whole micro-dollars of every covered day, also of those before the feature began: it cost nothing then."""
        series = self.usd[feature_id]
        days = ((day, series.get(day, 0.0)) for day in self.covered_days)
        # Exact: a day's cost in dollars is far below what a float holds to the millionth.
        return {day: None if usd is None else round(usd * 1_000_000) for day, usd in days}

    def between(self, feature_id: str, first: date, last: date) -> list[tuple[date, float]]:
        """Return (day, USD) for the known days of `feature_id` from `first` to `last`, both included."""
        series, begun = self.usd[feature_id], max(first, self.first_day[feature_id])
        days = ((day, series.get(day, 0.0)) for day in self.covered_days if begun <= day <= last)
        return [(day, usd) for day, usd in days if usd is not None]
