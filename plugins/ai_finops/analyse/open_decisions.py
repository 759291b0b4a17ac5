"""Open decisions: what features will cost less once what was decided is shipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

MONTHS_PER_DAY = 12 / 365
OPEN = "open"


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """A decision that is taken and not shipped yet."""

    feature_id: str
    expected_saving_usd_per_month: float
    planned_ship_date: date | None
    """None: it counts from the date of issue on, as does one that is late."""


def read_open_decisions(table: pa.Table) -> list[OpenDecision]:
    """Read the open ones of seed `optimization_decisions`, in a fixed order."""
    columns = ("feature_id", "status", "expected_saving_usd_per_month", "planned_ship_date")
    found = [
        OpenDecision(row["feature_id"], float(row["expected_saving_usd_per_month"]), row["planned_ship_date"])
        for row in table.select(columns).to_pylist()
        if row["status"] == OPEN and row["expected_saving_usd_per_month"] is not None
    ]
    return sorted(
        found,
        key=lambda each: (each.feature_id, each.planned_ship_date or date.min, each.expected_saving_usd_per_month),
    )


def daily_savings(decisions: Iterable[OpenDecision], *, as_of: date, day_count: int) -> dict[str, list[float]]:
    """Return USD saved by feature and day, index 0 `as_of`: a month's saving * 12/365 a day, from the planned date on."""
    savings: dict[str, list[float]] = {}
    for each in decisions:
        first = max(((each.planned_ship_date or as_of) - as_of).days, 0)
        of_feature = savings.setdefault(each.feature_id, [0.0] * day_count)
        for day in range(first, day_count):
            of_feature[day] += each.expected_saving_usd_per_month * MONTHS_PER_DAY
    return savings
