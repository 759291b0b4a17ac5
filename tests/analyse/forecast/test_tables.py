"""Backtests and errors as rows."""

from datetime import date, timedelta
from decimal import Decimal

from ai_finops.analyse.forecast import LINEAR_TREND, MEAN_7D, METHODS
from ai_finops.analyse.forecast.choice import choices_by_feature
from ai_finops.analyse.forecast.tables import backtests_table, errors_table
from ai_finops.analyse.schemas import PROJECTION_BACKTESTS, PROJECTION_ERRORS
from ai_finops.analyse.series import CostHistory
from tests.analyse.forecast.series_of_days import MONDAY
from tests.analyse.forecast.test_choice import monday, week, weeks

HISTORY = CostHistory((MONDAY,), {"chat": {MONDAY: 1.0}, "batch": {}}, {"chat": MONDAY, "batch": monday(4)})


def test_a_backtest_is_a_row_whose_error_is_that_of_its_rounded_sums():
    choices = choices_by_feature([week(0, projected=10.0000004, actual=12.0000006, margin=3.0, known_day_count=6)])
    (row,) = backtests_table(choices).to_pylist()
    assert row == {
        "origin_date": MONDAY,
        "feature_id": "chat",
        "method": LINEAR_TREND,
        "horizon": "7d",
        "horizon_day_count": 7,
        "known_day_count": 6,
        "last_target_date": date(2025, 6, 8),
        "projected_cost_usd": Decimal(10),
        "low_cost_usd": Decimal(7),
        "high_cost_usd": Decimal(13),
        "actual_cost_usd": Decimal("12.000001"),
        "absolute_error_usd": Decimal("2.000001"),
        "interval_scale": 1.0,
        "is_in_interval": True,
        "is_method_in_use": True,
        "status": "ok",
    }


def test_each_date_has_the_errors_known_on_it_by_method_and_in_use():
    choices = choices_by_feature(weeks(*[20] * 5) + weeks(*[1] * 5, method=MEAN_7D))
    table = errors_table(choices, history=HISTORY, as_of_dates=[monday(5), monday(4)])
    rows = {(row["as_of_date"], row["feature_id"], row["method"], row["horizon"]): row for row in table.to_pylist()}
    # Batch began on the fourth Monday: it had no history on it.
    assert len(rows) == 5 * 3 * (1 + 2)
    fourth, fifth = (rows[monday(n), "chat", "in_use", "7d"] for n in (4, 5))
    assert (fourth["origin_count"], fourth["wape_ratio"], fourth["method_in_use"]) == (4, 0.2, MEAN_7D)
    assert (fifth["origin_count"], fifth["wape_ratio"], fifth["status"]) == (5, (80 + 1) / 500, "measured")
    assert fifth["horizon_days"] == 7
    used = {row["method"] for key, row in rows.items() if key[:2] == (monday(5), "chat") and row["is_in_use"]}
    assert used == {"in_use", MEAN_7D}


def test_a_feature_without_backtests_has_rows_that_say_so():
    rows = errors_table({}, history=HISTORY, as_of_dates=[monday(1)]).to_pylist()
    assert [(row["method"], row["horizon"], row["horizon_days"]) for row in rows] == [
        (method, horizon, days)
        for method in (*METHODS, "in_use")
        for horizon, days in (("7d", 7), ("14d", 14), ("month_end", 22))
    ]
    assert {(row["status"], row["origin_count"], row["wape_ratio"], row["method_in_use"]) for row in rows} == {
        ("insufficient_history", 0, None, LINEAR_TREND)
    }


def test_nothing_gives_typed_empty_tables():
    nothing = CostHistory((), {}, {})
    assert backtests_table({}).schema == PROJECTION_BACKTESTS
    assert errors_table({}, history=nothing, as_of_dates=[MONDAY + timedelta(days=7)]).schema == PROJECTION_ERRORS
