"""Origins, horizons and sums of days, by hand."""

from datetime import date, timedelta

import pytest

from ai_finops.analyse.forecast import METHODS, DailyForecast
from ai_finops.analyse.forecast.backtest import (
    FORECAST_DAYS,
    first_result,
    forecast_all,
    hold_against,
    horizon_days,
    origins_between,
)
from ai_finops.analyse.forecast.margins import Margins
from tests.analyse.forecast.series_of_days import MONDAY, days_of

TEN_A_DAY = DailyForecast("mean_7d", "ok", 7, MONDAY, (10.0,) * 31, (), Margins(3.0, level_usd=1.0))


def held(actual, *, found=TEN_A_DAY, origin=MONDAY, passed_before=date(2025, 12, 1), **more):
    tests = hold_against(
        found, origin=origin, feature_id="chat", actual=dict(actual), passed_before=passed_before, **more
    )
    return {one.horizon: one for one in tests}


def test_origins_are_mondays():
    assert origins_between(MONDAY, MONDAY + timedelta(days=14)) == [date(2025, 6, day) for day in (2, 9, 16)]
    assert origins_between(date(2025, 6, 3), date(2025, 6, 15)) == [date(2025, 6, 9)]
    assert origins_between(date(2025, 6, 3), date(2025, 6, 8)) == []


@pytest.mark.parametrize(
    ("origin", "to_month_end", "result"),
    [
        (date(2025, 6, 2), 29, date(2025, 6, 9)),
        (date(2025, 6, 23), 8, date(2025, 6, 30)),
        (date(2025, 6, 30), 1, date(2025, 7, 1)),
        (date(2025, 9, 1), 30, date(2025, 9, 8)),
        (date(2025, 12, 1), FORECAST_DAYS, date(2025, 12, 8)),
    ],
)
def test_horizons_are_a_week_two_weeks_and_the_rest_of_the_month(origin, to_month_end, result):
    assert horizon_days(origin) == {"7d": 7, "14d": 14, "month_end": to_month_end}
    assert first_result(origin) == result


def test_sums_are_held_against_what_was_spent():
    found = held(days_of([12] * 29))
    week = found["7d"]
    assert (week.projected_usd, week.actual_usd, week.error_usd) == (70, 84, -14)
    assert (week.horizon_day_count, week.known_day_count, week.last_date) == (7, 7, date(2025, 6, 8))
    # 7 * 3² + (7 * 1)² = 112.
    assert week.margin_usd == pytest.approx(112**0.5)
    assert (found["14d"].projected_usd, found["month_end"].projected_usd) == (140, 290)
    assert (week.method, week.status, week.feature_id, week.origin_date) == ("mean_7d", "ok", "chat", MONDAY)


def test_a_horizon_is_held_against_nothing_before_its_days_have_passed():
    actual = days_of([12] * 29)
    assert set(held(actual, passed_before=date(2025, 6, 8))) == set()
    assert set(held(actual, passed_before=date(2025, 6, 9))) == {"7d"}
    assert set(held(actual, passed_before=date(2025, 6, 16))) == {"7d", "14d"}
    assert set(held(actual, passed_before=date(2025, 7, 1))) == {"7d", "14d", "month_end"}


def test_unknown_days_are_on_neither_side_and_most_days_have_to_be_known():
    week = held(days_of([12, None, 12, None, 12, 12, None]))["7d"]
    assert (week.projected_usd, week.actual_usd, week.known_day_count) == (40, 48, 4)
    assert week.margin_usd == pytest.approx((4 * 9 + 16) ** 0.5)
    assert "7d" not in held(days_of([12, None, 12, None, 12, None, None]))
    # Of two weeks seven days are half, not most.
    assert "14d" not in held(days_of([12] * 7))
    assert "14d" in held(days_of([12] * 8))


def test_a_day_forecast_below_zero_counts_as_nothing():
    falling = DailyForecast("linear_trend", "ok", 14, MONDAY, (2.0, -1.0, -4.0, *[0.0] * 28), (), Margins(1.0))
    assert held(days_of([1] * 7), found=falling)["7d"].projected_usd == 2


def test_other_horizons_can_be_named():
    found = held(days_of([12] * 5), horizons={"3d": 3})
    assert [(one.horizon, one.projected_usd) for one in found.values()] == [("3d", 30)]


def test_every_method_forecasts_the_longest_horizon():
    found = forecast_all(days_of([10.0 + n % 3 for n in range(20)]), origin=MONDAY + timedelta(days=20))
    assert tuple(found) == METHODS
    assert {len(one.daily_usd) for one in found.values()} == {31}
    assert forecast_all(days_of([10.0] * 6), origin=MONDAY + timedelta(days=6)) == {}
