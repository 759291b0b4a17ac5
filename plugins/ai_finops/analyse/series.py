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

    A day on which anything landed is covered: a feature that has begun by then and has no row cost nothing on it. A day
    not covered is not in any series.
    """

    covered_days: tuple[date, ...]
    cost_usd: dict[str, dict[date, float]]
    first_day: dict[str, date]

    @classmethod
    def from_table(cls, daily_costs: pa.Table, *, landed_days: Collection[date] | None = None) -> CostHistory:
        """Read `usage_date`, `feature_id`, `allocated_cost_usd`; the series `total` is added.

        Args:
            daily_costs: One or more rows per day and feature; nulls cost nothing.
            landed_days: Days that were landed and may have no row at all; days with a row always count.
        """
        columns = (daily_costs[name].to_pylist() for name in ("usage_date", "feature_id", "allocated_cost_usd"))
        cost: dict[str, dict[date, float]] = {}
        for day, feature, value in zip(*columns, strict=True):
            for name in (feature, TOTAL):
                series = cost.setdefault(name, {})
                series[day] = series.get(day, 0.0) + float(value or 0)
        days = set(landed_days or ()) | set(cost.get(TOTAL, ()))
        return cls(
            covered_days=tuple(sorted(days)),
            cost_usd=cost,
            first_day={name: min(series) for name, series in cost.items()},
        )

    def features_before(self, day: date) -> list[str]:
        """Return the series that have begun before `day`, by name."""
        return sorted(name for name, first in self.first_day.items() if first < day)

    def between(self, feature_id: str, first: date, last: date) -> list[tuple[date, float]]:
        """Return (day, USD) for the covered days of `feature_id` from `first` to `last`, both included."""
        series, begun = self.cost_usd[feature_id], max(first, self.first_day[feature_id])
        return [(day, series.get(day, 0.0)) for day in self.covered_days if begun <= day <= last]
