"""Last week repeated, the mean of seven days, and AutoETS on series whose answer is known."""

from datetime import timedelta
from math import sqrt

import pytest

from ai_finops.analyse.forecast import AUTO_ETS, LAST_WEEK, MEAN_7D, ets
from ai_finops.analyse.forecast.ets import filled
from tests.analyse.forecast.series_of_days import MONDAY, after, days_of

WEEK = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_last_week_is_repeated_as_often_as_it_takes():
    assert after([9] * 7 + WEEK, method=LAST_WEEK, day_count=10).daily_usd == (*WEEK, 1.0, 2.0, 3.0)


def test_an_unknown_day_of_last_week_is_the_newest_known_one_of_its_weekday():
    assert after([9, 8] + [None] * 12 + [1, None, 3, 4, 5, 6, 7], method=LAST_WEEK).daily_usd[:3] == (1, 8, 3)


def test_a_weekday_that_is_known_nowhere_is_the_mean_of_the_last_seven_known_days():
    found = after([1, None, 3, 4, 5, 6, 7, 1, None, 3, 4, 5, 6, 7], method=LAST_WEEK)
    # 7 and 1, 3, 4, 5, 6, 7.
    assert found.daily_usd[1] == pytest.approx(33 / 7)


def test_the_margin_of_last_week_is_by_changes_from_week_to_week():
    # Each of seven days is 3 more than a week before: t of 7 degrees is 1.4149, and a level is known as from two days.
    found = after([usd - 3 for usd in WEEK] + WEEK, method=LAST_WEEK)
    assert found.daily_margin_usd[0] == pytest.approx(1.4149 * 3 * sqrt(1.5), rel=1e-4)


def test_the_margin_of_a_first_week_is_by_its_own_days():
    # Deviations of ±1 around 10, but for the last: mean 69 / 7.
    found = after([9, 11, 9, 11, 9, 11, 9], method=LAST_WEEK)
    mean = 69 / 7
    squares = (4 * (9 - mean) ** 2 + 3 * (11 - mean) ** 2) / 7
    assert found.daily_margin_usd[0] == pytest.approx(1.4149 * sqrt(2 * squares) * sqrt(1.5), rel=1e-4)


def test_the_mean_is_of_the_last_seven_known_days():
    found = after([100, 1, 2, None, 3, 4, 5, 6, 7], method=MEAN_7D, day_count=3)
    assert found.daily_usd == (4.0,) * 3
    # Variance 28 / 6, t of 6 degrees 1.4398, the level as from two days.
    assert found.daily_margin_usd[0] == pytest.approx(1.4398 * sqrt(28 / 6) * sqrt(1.5), rel=1e-4)


@pytest.mark.parametrize("method", [LAST_WEEK, MEAN_7D, AUTO_ETS])
def test_a_series_that_never_changes_is_repeated_without_a_margin(method):
    found = after([5] * 20, method=method, day_count=3)
    assert found.daily_usd == pytest.approx((5.0,) * 3)
    assert found.daily_margin_usd == pytest.approx((0.0,) * 3)


def test_ets_knows_a_week_from_four_weeks_on():
    week = [10.0, 10.0, 10.0, 10.0, 10.0, 2.0, 2.0]
    costs = [usd * (1 + 0.02 * (n % 5)) for n, usd in enumerate(week * 4)]
    assert after(costs, method=AUTO_ETS).daily_usd == pytest.approx(week, rel=0.15)
    # With a day less it is fitted without a season, and knows no weekends.
    assert max(after(costs[1:], method=AUTO_ETS, first=MONDAY + timedelta(days=1)).daily_usd) < 9.9


NOISE = (0, 3, -2, 1, 4, -3, 2, -1, 5, -4, 1)
DRAWN = [
    # A level that goes off, a trend, a weekly season that grows with its level: their widths come of formulas or of draws.
    [100 + sum(NOISE[k % 11] for k in range(n)) for n in range(50)],
    [100 + 3 * n + NOISE[n % 11] for n in range(50)],
    [(50 + n) * (0.4 if n % 7 > 4 else 1.0) * (1 + NOISE[n % 11] / 50) for n in range(50)],
    [20 + NOISE[n % 11] for n in range(20)],
]


@pytest.mark.parametrize("costs", DRAWN)
def test_the_interval_of_ets_is_the_same_however_far_it_looks(costs):
    # Backtests look 31 days ahead and projections up to 215; an interval scaled by the one must be that of the other.
    week, month, half_year = (after(costs, method=AUTO_ETS, day_count=count) for count in (7, 31, 215))
    for last in (0, 6, 13, 30):
        assert half_year.sum_margin_usd(0, last) == month.sum_margin_usd(0, last) > 0
    assert week.sum_margin_usd(0, 6) == month.sum_margin_usd(0, 6)
    assert half_year.daily_usd[:31] == month.daily_usd


def test_the_margins_of_ets_are_those_of_its_first_and_31st_day(monkeypatch):
    monkeypatch.setattr(ets, "_fit", lambda values, *, day_count: ([1.0] * day_count, [3.0] * 30 + [5.0]))
    # 5² - 3² = 4², reached in 30 days; in terms of the largest day, 10.
    margins = after([10.0, 5.0] * 10, method=AUTO_ETS, day_count=215).margins
    assert (margins.day_usd, margins.slope_usd) == pytest.approx((30, 40 / 30))


def test_ets_gives_the_same_twice():
    costs = [10 + (n * 7) % 5 + n / 3 for n in range(40)]
    assert after(costs, method=AUTO_ETS) == after(costs, method=AUTO_ETS)


def test_where_ets_gives_no_number_the_mean_stands_in(monkeypatch):
    monkeypatch.setattr(ets, "_fit", lambda values, *, day_count: None)
    costs = [10.0, 12.0] * 10
    found = after(costs, method=AUTO_ETS)
    assert found.daily_usd == after(costs, method=MEAN_7D).daily_usd
    assert found.method == AUTO_ETS


def test_unknown_days_are_filled_for_ets_by_the_weekday_before_else_after_else_the_mean():
    costs = [1, 2, 3, 4, 5, 6, 7, None, 9, 3, 4, 5, 6, 7]
    as_of = MONDAY + timedelta(days=14)
    assert filled(days_of(costs), as_of=as_of)[7] == 1
    assert filled(days_of([1, None, *costs[2:]]), as_of=as_of)[1] == 9
    # Neither week knows its Tuesday: 65 in 13 days without it.
    known = [1, None, 3, 4, 5, 6, 7, 1, None, 3, 4, 5, 6, 7]
    assert filled(days_of(known), as_of=as_of)[1] == pytest.approx(52 / 12)


def test_days_up_to_as_of_are_filled_and_only_eight_weeks_are_looked_at():
    assert len(filled(days_of([1, 2, 3]), as_of=MONDAY + timedelta(days=5))) == 5
    assert len(filled(days_of([1] * 70), as_of=MONDAY + timedelta(days=70))) == 56
