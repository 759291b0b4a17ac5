"""Forecasts of earlier Mondays, kept in the lake by Monday: they take long to make, and never change until their days do.

A forecast is made again when a day that it was made of has another cost, or is known now and was not then. What was spent
afterwards is no part of it: backtests hold it against that anew in each build, which is a matter of sums.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.analyse.forecast.backtest import (
    FORECAST_DAYS,
    Backtest,
    first_result,
    forecast_all,
    hold_against,
    origins_between,
)
from ai_finops.analyse.forecast.daily import HISTORY_DAYS, DailyForecast
from ai_finops.analyse.forecast.margins import Margins
from ai_finops.lake_schemas import PROJECTION_BACKTESTS

if TYPE_CHECKING:
    from ai_finops.analyse.series import CostHistory
    from ai_finops.lake import Lake

SOURCE = "projection_backtests"
_VERSION = 2
"""Of the methods: with another one every forecast is made again."""
logger = logging.getLogger(__name__)

Row = dict[str, Any]


def backtest(history: CostHistory, *, lake: Lake, as_of: date) -> list[Backtest]:
    """Bring the kept forecasts up to date with `history`, and hold them against what was spent before `as_of`.

    Args:
        history: Cost by feature and day.
        lake: Where forecasts are kept; partitions of Mondays after `as_of` are left alone.
        as_of: The first day that has not passed.
    Returns:
        One for each Monday, feature and the total, method and horizon whose days have passed, in that order.
    Raises:
        LakeError: The lake cannot be written; what was kept before stays.
    """
    first = min(history.first_day.values(), default=as_of)
    origins = [day for day in origins_between(first + timedelta(days=1), as_of) if first_result(day) <= as_of]
    for key in lake.keys(SOURCE):
        if date.fromisoformat(key) <= first:
            lake.remove_partition(SOURCE, key)
    kept = {origin: _bring_up_to_date(history, lake=lake, origin=origin) for origin in origins}
    covered = max(history.covered_days, default=date.min)
    passed_before = min(as_of, covered + timedelta(days=1))
    actual = {feature: dict(history.between(feature, date.min, date.max)) for feature in history.usd}
    return [
        one
        for origin, rows in kept.items()
        for row in rows
        for one in hold_against(
            _forecast_of(row),
            origin=origin,
            feature_id=row["feature_id"],
            actual=actual[row["feature_id"]],
            passed_before=passed_before,
        )
    ]


def _bring_up_to_date(history: CostHistory, *, lake: Lake, origin: date) -> list[Row]:
    """Return the forecasts of one Monday, made where they were not kept or were made of other days."""
    version = lake.current_version(SOURCE, str(origin))
    kept = _read(version.file("forecasts")) if version else {}
    rows: list[Row] = []
    made_count = 0
    for feature in history.features_before(origin):
        days = history.between(feature, origin - timedelta(days=HISTORY_DAYS), origin - timedelta(days=1))
        checksum = _checksum(days)
        known = kept.get(feature)
        if known and known[0]["input_sha256"] == checksum:
            rows += known
            continue
        made = list(_make(days, feature_id=feature, origin=origin, checksum=checksum))
        made_count += len(made)
        rows += made
    if made_count or version is None or {row["feature_id"] for row in rows} != set(kept):
        lake.write_partition(
            SOURCE, str(origin), tables={"forecasts": pa.Table.from_pylist(rows, schema=PROJECTION_BACKTESTS)}
        )
        logger.info("made %s forecasts of %s", made_count, origin)
    return rows


def _make(days: Sequence[tuple[date, float]], *, feature_id: str, origin: date, checksum: str) -> Iterator[Row]:
    for method, made in forecast_all(days, origin=origin).items():
        yield {
            "feature_id": feature_id,
            "method": method,
            "status": made.status,
            "window_day_count": made.window_day_count,
            "window_start_date": made.window_start_date,
            "daily_usd": list(made.daily_usd),
            "day_margin_usd": made.margins.day_usd,
            "level_margin_usd": made.margins.level_usd,
            "slope_margin_usd": made.margins.slope_usd,
            "middle_x": made.margins.middle_x,
            "input_sha256": checksum,
            "origin_date": origin,
        }


def _forecast_of(row: Mapping[str, Any]) -> DailyForecast:
    margins = Margins(row["day_margin_usd"], row["level_margin_usd"], row["slope_margin_usd"], row["middle_x"])
    return DailyForecast(
        method=row["method"],
        status=row["status"],
        window_day_count=row["window_day_count"],
        window_start_date=row["window_start_date"],
        daily_usd=tuple(row["daily_usd"]),
        daily_margin_usd=tuple(margins.of_days((x,)) for x in range(len(row["daily_usd"]))),
        margins=margins,
    )


def _checksum(days: Sequence[tuple[date, float]]) -> str:
    told = [f"{_VERSION} {FORECAST_DAYS}", *(f"{day} {usd!r}" for day, usd in days)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _read(file: Path) -> dict[str, list[Row]]:
    """Return the kept rows by feature."""
    by_feature: dict[str, list[Row]] = {}
    for row in pq.read_table(file, partitioning=None).to_pylist():
        by_feature.setdefault(row["feature_id"], []).append(row)
    return by_feature
