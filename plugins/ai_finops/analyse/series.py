"""Daily costs as series: which days were seen, and what each feature cost on each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class CostHistory:
    """Cost by feature and day, USD.

    On a covered day it is known what was called, so a feature that has begun by then and has no row cost nothing on it.
    A day that is not covered is in no series, whatever row it has.
    """

    covered_days: tuple[date, ...]
    usd: dict[str, dict[date, float]]
    first_day: dict[str, date]

    @classmethod
    def from_table(cls, daily_costs: pa.Table, *, covered_days: Collection[date] | None = None) -> CostHistory:
        """Read `usage_date`, `feature_id`, `allocated_cost_usd`; the series `total` is added.

        Args:
            daily_costs: One or more rows per day and feature; nulls cost nothing.
            covered_days: Default: the days with a row.
        """
        columns = (daily_costs[name].to_pylist() for name in ("usage_date", "feature_id", "allocated_cost_usd"))
        usd: dict[str, dict[date, float]] = {}
        for day, feature, value in zip(*columns, strict=True):
            for name in (feature, TOTAL):
                series = usd.setdefault(name, {})
                series[day] = series.get(day, 0.0) + float(value or 0)
        return cls(
            covered_days=tuple(sorted(set(usd.get(TOTAL, ()) if covered_days is None else covered_days))),
            usd=usd,
            first_day={name: min(series) for name, series in usd.items()},
        )

    def features_before(self, day: date) -> list[str]:
        """Return the series that have begun before `day`, by name."""
        return sorted(name for name, first in self.first_day.items() if first < day)

    def between(self, feature_id: str, first: date, last: date) -> list[tuple[date, float]]:
        """Return (day, USD) for the days of `feature_id` that are known from `first` to `last`, both included."""
        series, begun = self.usd[feature_id], max(first, self.first_day[feature_id])
        return [(day, series.get(day, 0.0)) for day in self.covered_days if begun <= day <= last]
