"""Open decisions: what features will cost less once what was decided is shipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

MONTHS_PER_DAY = 12 / 365
OPEN = "open"
SHIPPED = "shipped"
_COLUMNS = (
    *("feature_id", "status", "expected_saving_usd_per_month", "decision_date", "planned_ship_date", "shipped_date"),
)


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """A decision that is taken and not shipped yet."""

    feature_id: str
    expected_saving_usd_per_month: float
    ship_date: date | None
    """None: it counts from the date of issue on, as does one that is late."""


def read_open_decisions(table: pa.Table, *, as_of: date) -> list[OpenDecision]:
    """Read those of seed `optimization_decisions` that were open on `as_of`, in a fixed order.

    One that shipped on `as_of` or later was: no day that was seen has what it saves. It counts from the day it shipped on.
    """
    found = [
        OpenDecision(
            row["feature_id"],
            float(row["expected_saving_usd_per_month"]),
            row["planned_ship_date" if row["status"] == OPEN else "shipped_date"],
        )
        for row in table.select(_COLUMNS).to_pylist()
        if row["expected_saving_usd_per_month"] is not None and _is_open(row, as_of)
    ]
    return sorted(
        found, key=lambda each: (each.feature_id, each.ship_date or date.min, each.expected_saving_usd_per_month)
    )


def _is_open(row: Mapping[str, Any], as_of: date) -> bool:
    is_to_ship = row["status"] == SHIPPED and row["shipped_date"] is not None and row["shipped_date"] >= as_of
    return row["decision_date"] < as_of and (row["status"] == OPEN or is_to_ship)


def daily_savings(decisions: Iterable[OpenDecision], *, as_of: date, day_count: int) -> dict[str, list[float]]:
    """Return USD saved by feature and day, index 0 `as_of`: a month's saving * 12/365 a day, from its date on."""
    savings: dict[str, list[float]] = {}
    for each in decisions:
        first = max(((each.ship_date or as_of) - as_of).days, 0)
        of_feature = savings.setdefault(each.feature_id, [0.0] * day_count)
        for day in range(first, day_count):
            of_feature[day] += each.expected_saving_usd_per_month * MONTHS_PER_DAY
    return savings
