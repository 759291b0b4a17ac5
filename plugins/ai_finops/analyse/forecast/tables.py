"""Backtests and the errors they sum up to, as `raw.analysis_projection_backtests` and `raw.analysis_projection_errors`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from ai_finops.analyse.forecast.backtest import HORIZONS, horizon_days
from ai_finops.analyse.forecast.choice import IN_USE, Choices, Judged, all_judged
from ai_finops.analyse.forecast.daily import METHODS
from ai_finops.analyse.schemas import PROJECTION_BACKTESTS, PROJECTION_ERRORS, to_money, to_table
from ai_finops.analyse.series import CostHistory


def backtests_table(choices: Mapping[str, Choices]) -> pa.Table:
    """Return one row per origin, feature, method and horizon, in that order."""
    return to_table((_backtest_row(one) for one in all_judged(choices)), schema=PROJECTION_BACKTESTS)


def errors_table(choices: Mapping[str, Choices], *, history: CostHistory, as_of_dates: Collection[date]) -> pa.Table:
    """Return what was known of errors on each date, of every feature that had begun: per method, and of what was in use.

    Returns:
        Rows by as_of_date, feature, method and horizon. `origin_count` is 0 and the ratios are null, status
        `insufficient_history`, where no origin counts; the ratios alone where nothing was spent.
    """
    rows = (
        row
        for as_of in sorted(set(as_of_dates))
        for feature in history.features_before(as_of)
        for row in _error_rows(choices.get(feature) or Choices(()), feature_id=feature, as_of=as_of)
    )
    return to_table(rows, schema=PROJECTION_ERRORS)


def _backtest_row(one: Judged) -> dict[str, Any]:
    test = one.backtest
    projected, actual = to_money(test.projected_usd), to_money(test.actual_usd)
    return {
        "origin_date": test.origin_date,
        "feature_id": test.feature_id,
        "method": test.method,
        "horizon": test.horizon,
        "horizon_day_count": test.horizon_day_count,
        "known_day_count": test.known_day_count,
        "last_target_date": test.last_date,
        "projected_cost_usd": projected,
        "low_cost_usd": to_money(one.low_usd),
        "high_cost_usd": to_money(one.high_usd),
        "actual_cost_usd": actual,
        "absolute_error_usd": abs(projected - actual),
        "interval_scale": one.interval_scale,
        "is_in_interval": one.is_in_interval,
        "is_method_in_use": one.is_method_in_use,
        "status": test.status,
    }


def _error_rows(choices: Choices, *, feature_id: str, as_of: date) -> Iterator[dict[str, Any]]:
    in_use, days = choices.method_on(as_of), horizon_days(as_of)
    for method in (*METHODS, IN_USE):
        for horizon in HORIZONS:
            error = choices.error_on(as_of, method, horizon)
            yield {
                "as_of_date": as_of,
                "feature_id": feature_id,
                "method": method,
                "horizon": horizon,
                "horizon_days": days[horizon],
                "origin_count": error.origin_count,
                "wape_ratio": error.wape_ratio,
                "bias_ratio": error.bias_ratio,
                "coverage_ratio": error.coverage_ratio,
                "method_in_use": in_use,
                "is_in_use": method in (in_use, IN_USE),
                "status": error.status,
            }
