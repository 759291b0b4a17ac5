"""Projections as rows of `schemas.PROJECTIONS`: days, months, and the measured error that belongs to each.

Columns are filled one beside the other: half a year of fifty features is some hundred thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ai_finops.analyse.forecast import HorizonError
from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.schemas import PROJECTIONS, to_money
from ai_finops.days import days_between, month_end, month_start

if TYPE_CHECKING:
    from ai_finops.analyse.projections import Series

FEWEST_TARGET_DAYS = 7
MONTH_COUNT = 7
"""The month under way and six more."""
HORIZONS = ("month_end", "14d", "7d")
"""Horizons at which errors are measured, the longest first."""


def last_target_date(as_of: date) -> date:
    """Return the last day that is projected by itself: the end of the month, or the seventh day where that is later."""
    return max(month_end(as_of), as_of + timedelta(days=FEWEST_TARGET_DAYS - 1))


def month_starts(as_of: date) -> list[date]:
    """Return the first days of the month under way on `as_of` and of the six after it."""
    months = [month_start(as_of)]
    while len(months) < MONTH_COUNT:
        months.append(month_end(months[-1]) + timedelta(days=1))
    return months


def error_at(errors: Mapping[str, HorizonError], *, day_number: int | None) -> tuple[str, HorizonError] | None:
    """Return the horizon and the error that stand beside a projection.

    Args:
        errors: Errors of its method by horizon.
        day_number: 1 for the date of issue; None for a month.
    Returns:
        Up to 7 days ahead `7d`, up to 14 `14d`, else `month_end`; where that was not measured the longest that was; None
        without any.
    """
    wanted = "month_end" if day_number is None or day_number > 14 else "7d" if day_number <= 7 else "14d"
    for horizon in (wanted, *HORIZONS):
        error = errors.get(horizon)
        if error is not None and error.wape_ratio is not None:
            return horizon, error
    return None


class ProjectionRows:
    """Rows that are added up to a table."""

    def __init__(self, spent: MonthToDate) -> None:
        self._spent = spent
        self._columns: dict[str, list[Any]] = {name: [] for name in PROJECTIONS.names}

    def add(self, series: Series, *, scenario: str, as_of: date, is_backcast: bool) -> None:
        """Add the days and the months of a series."""
        of_series = {
            "as_of_date": as_of,
            "feature_id": series.feature_id,
            "scenario": scenario,
            "method": series.method,
            "status": series.status,
            "window_day_count": series.window_day_count,
            "is_backcast": is_backcast,
        }
        days = list(days_between(as_of, last_target_date(as_of)))
        months = month_starts(as_of)
        self._repeat(of_series, len(days) + len(months))
        self._add_days(series, days)
        self._add_months(series, months, as_of=as_of)

    def to_table(self) -> pa.Table:
        """Return the rows as a table."""
        return pa.table(self._columns, schema=PROJECTIONS)

    def _add_days(self, series: Series, days: list[date]) -> None:
        count = len(days)
        self._repeat({"target_period": "day"}, count)
        self._repeat(dict.fromkeys(("month_number", "actual_cost_usd", "actual_status", "missing_day_count")), count)
        self._columns["target_date"] += days
        for number in range(count):
            self._add_error(series, day_number=number + 1)
            self._add_sum(series, number, number, actual_usd=Decimal(0))

    def _add_months(self, series: Series, months: list[date], *, as_of: date) -> None:
        self._repeat({"target_period": "month"}, len(months))
        self._columns["target_date"] += months
        self._columns["month_number"] += range(len(months))
        spent = self._spent.before(series.feature_id, as_of)
        for name, value in (
            ("actual_cost_usd", spent.cost_usd),
            ("actual_status", spent.status),
            ("missing_day_count", spent.missing_day_count),
        ):
            self._columns[name] += [value, *[None] * (len(months) - 1)]
        for number, first in enumerate(months):
            self._add_error(series, day_number=None)
            rest = max((first - as_of).days, 0), (month_end(first) - as_of).days
            self._add_sum(series, *rest, actual_usd=spent.cost_usd if number == 0 else Decimal(0))

    def _add_sum(self, series: Series, first: int, last: int, *, actual_usd: Decimal | None) -> None:
        """Add mean and interval of days `first` to `last`, on top of what is known; none where either is not."""
        projected = (None, None, None)
        if series.path is not None and actual_usd is not None:
            usd, margin_usd = series.path.sum_usd(first, last), series.path.margin_usd(first, last)
            parts = (usd, max(usd - margin_usd, 0.0), usd + margin_usd)
            projected = tuple(actual_usd + to_money(part) for part in parts)
        for name, value in zip(("projected_cost_usd", "low_cost_usd", "high_cost_usd"), projected, strict=True):
            self._columns[name].append(value)

    def _add_error(self, series: Series, *, day_number: int | None) -> None:
        horizon, error = error_at(series.chosen.errors, day_number=day_number) or (None, None)
        columns = self._columns
        columns["error_horizon"].append(horizon)
        columns["wape_ratio"].append(error and error.wape_ratio)
        columns["bias_ratio"].append(error and error.bias_ratio)
        columns["coverage_ratio"].append(error and error.coverage_ratio)
        columns["error_origin_count"].append(error.origin_count if error else 0)

    def _repeat(self, values: Mapping[str, Any] | Iterable, count: int) -> None:
        for name, value in values.items():
            self._columns[name] += [value] * count
