"""Daily costs by hand, as a history."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from ai_finops.analyse.month_to_date import MonthToDate
from ai_finops.analyse.series import CostHistory

MONDAY = date(2025, 6, 2)


def daily(costs, *, feature="chat", first=MONDAY):
    """One row per day from `first`; None leaves the day without a row."""
    return [(first + timedelta(days=n), feature, cost) for n, cost in enumerate(costs) if cost is not None]


def table(rows):
    """Rows are (day, feature, cost), or (…, calls, calls of unknown cost); a call has 1,000 tokens."""
    rows = [(*row[:3], *(row[3:] or (100, 0))) for row in rows]
    days, features, costs, calls, unknown = zip(*rows, strict=True) if rows else ((),) * 5
    return pa.table(
        {
            "usage_date": pa.array(days, pa.date32()),
            "feature_id": pa.array(features, pa.string()),
            "allocated_cost_usd": pa.array(
                [None if cost is None else Decimal(str(cost)) for cost in costs], pa.decimal128(18, 6)
            ),
            "request_count": pa.array(calls, pa.int64()),
            "input_tokens": pa.array([600 * count for count in calls], pa.int64()),
            "output_tokens": pa.array([400 * count for count in calls], pa.int64()),
            "unknown_cost_call_count": pa.array(unknown, pa.int64()),
            "unknown_cost_tokens": pa.array([1000 * count for count in unknown], pa.int64()),
        }
    )


def history(rows, *, covered_days=None):
    """Return the series of rows (`table`)."""
    return CostHistory.from_table(table(rows), covered_days=covered_days, largest_unknown_ratio=0.01)


def spent(rows, *, covered_days=None):
    """Return the months to date of rows (`table`); one day in ten may be missing."""
    covered = {row[0] for row in rows} if covered_days is None else covered_days
    return MonthToDate.from_table(
        table(rows), covered_days=covered, largest_unknown_ratio=0.01, largest_missing_ratio=0.1
    )
