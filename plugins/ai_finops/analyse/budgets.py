"""Budgets: what is spent and projected of each, and on which day it will be exceeded, with the interval.

A budget of a month goes before one of every month. It is exceeded on the first day on which the month has cost more than it; to
the cent is not more. The earliest such day is that of the high bound of the costs added up from the start of the month, the
latest that of the low bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ai_finops.analyse.cost_paths import CostPath
from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.projection_rows import error_at, month_starts
from ai_finops.analyse.projections import Series
from ai_finops.analyse.schemas import BUDGETS, to_money, to_table
from ai_finops.days import days_between, month_end


@dataclass(frozen=True, slots=True)
class Budget:
    """A row of seed `budgets`."""

    feature_id: str
    """Or `total`."""
    budget_month: date | None
    """None: every month that has no budget of its own."""
    budget_cost_usd: Decimal
    owner: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Month:
    """A month of a feature as projected, held against a budget."""

    number: int
    first: date
    as_of: date
    actual_cost_usd: Decimal | None
    """Spent so far; 0 in a month to come."""
    path: CostPath | None

    @property
    def days(self) -> list[date]:
        """Days of the month that are projected."""
        return list(days_between(max(self.first, self.as_of), month_end(self.first)))

    def sums(self) -> Iterator[tuple[date, Decimal, Decimal, Decimal]]:
        """Yield each projected day with low bound, mean and high bound of the month's cost up to and with it."""
        start = (self.days[0] - self.as_of).days
        usd = 0.0
        for number, day in enumerate(self.days, start):
            usd += self.path.daily_usd[number]
            margin_usd = self.path.margin_usd(start, number)
            parts = (max(usd - margin_usd, 0.0), usd, usd + margin_usd)
            yield day, *(self.actual_cost_usd + to_money(part) for part in parts)


def read_budgets(table: pa.Table) -> list[Budget]:
    """Read seed `budgets`, by feature and month."""
    names = ("feature_id", "budget_month", "budget_cost_usd", "owner", "reason")
    budgets = [Budget(**{name: row[name] for name in names}) for row in table.select(names).to_pylist()]
    return sorted(budgets, key=lambda budget: (budget.feature_id, budget.budget_month or date.min))


def hold_budgets(
    budgets: Sequence[Budget], projected: Mapping[str, Series], *, spent: MonthToDate, as_of: date
) -> pa.Table:
    """Hold the budgets against what is projected as is.

    Args:
        budgets: What `read_budgets` returned.
        projected: Series by feature, as `project_as_is` returns them for `as_of`.
        spent: Months to date.
        as_of: First day that is not known.
    Returns:
        One row for each feature with a budget and month, the one under way and the six after it. Status `exceeded`: what is
        spent is more; `will_be_exceeded`: the mean gets there; `may_be_exceeded`: the high bound does; `within`;
        `no_cost_known`: what was spent is not known, or the feature has no cost at all; `insufficient_history`: too few days
        to project. Beside it the status of the projection and the error of its method, as on rows of projections.
    """
    rows = (
        _row(budget, _month_of(budget, number, first, projected, spent=spent, as_of=as_of), projected, spent=spent)
        for feature in sorted({budget.feature_id for budget in budgets})
        for number, first in enumerate(month_starts(as_of))
        if (budget := _budget_of(budgets, feature, first)) is not None
    )
    return to_table(rows, schema=BUDGETS)


def _budget_of(budgets: Sequence[Budget], feature_id: str, month: date) -> Budget | None:
    own = {budget.budget_month: budget for budget in budgets if budget.feature_id == feature_id}
    return own.get(month, own.get(None))


def _month_of(
    budget: Budget, number: int, first: date, projected: Mapping[str, Series], *, spent: MonthToDate, as_of: date
) -> _Month:
    series = projected.get(budget.feature_id)
    actual_cost_usd = spent.before(budget.feature_id, as_of).cost_usd if number == 0 else Decimal(0)
    return _Month(number, first, as_of, actual_cost_usd, series and series.path)


def _row(budget: Budget, month: _Month, projected: Mapping[str, Series], *, spent: MonthToDate) -> dict[str, Any]:
    series = projected.get(budget.feature_id)
    is_known = series is not None and month.actual_cost_usd is not None
    sums = list(month.sums()) if is_known and month.path is not None else []
    _, low, mean, high = sums[-1] if sums else (None, None, None, None)
    limit = budget.budget_cost_usd
    passed = None
    if is_known and month.number == 0 and month.actual_cost_usd > limit:
        passed = spent.reached(budget.feature_id, month.as_of, budget_cost_usd=limit)
    latest, expected, earliest = (passed or _first_above(sums, column, limit) for column in (1, 2, 3))
    is_under_way = is_known and month.number == 0
    horizon, error = (series and error_at(series.chosen.errors, day_number=None)) or (None, None)
    return {
        "as_of_date": month.as_of,
        "feature_id": budget.feature_id,
        "budget_month": month.first,
        "month_number": month.number,
        "status": _status(is_known, passed, sums, expected, earliest),
        "projection_status": series.status if series else None,
        "method": series.method if series else None,
        "error_horizon": horizon,
        "owner": budget.owner,
        "reason": budget.reason,
        "budget_cost_usd": limit,
        "actual_cost_usd": month.actual_cost_usd if is_under_way else None,
        "projected_cost_usd": mean,
        "low_cost_usd": low,
        "high_cost_usd": high,
        "budget_used_ratio": float(month.actual_cost_usd / limit) if is_under_way else None,
        "projected_budget_ratio": None if mean is None else float(mean / limit),
        "wape_ratio": error.wape_ratio if error else None,
        "error_origin_count": error.origin_count if error else 0,
        "exceeded_date": expected,
        "earliest_exceeded_date": earliest,
        "latest_exceeded_date": latest,
        **{
            f"{prefix}days_until_exceeded": None if on is None else max((on - month.as_of).days, 0)
            for prefix, on in (("", expected), ("least_", earliest), ("most_", latest))
        },
    }


def _first_above(sums: Sequence[tuple], column: int, limit: Decimal) -> date | None:
    return next((each[0] for each in sums if each[column] > limit), None)


def _status(is_known: bool, passed: date | None, sums: Sequence, expected: date | None, earliest: date | None) -> str:
    if not is_known:
        return "no_cost_known"
    if passed is not None:
        return "exceeded"
    if not sums:
        return "insufficient_history"
    if expected is not None:
        return "will_be_exceeded"
    return "may_be_exceeded" if earliest is not None else "within"
