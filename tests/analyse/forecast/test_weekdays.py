"""Weekday factors by hand."""

from datetime import date, timedelta

import pytest

from ai_finops.analyse.forecast.weekdays import weekday_factors
from tests.analyse.forecast.series_of_days import MONDAY, days_of

WEEK = [12, 12, 12, 12, 12, 5, 5]
"""70 in seven days: a weekday is 1.2 of the mean of 10, a day of the weekend 0.5."""


def factors(costs, *, first=MONDAY):
    return weekday_factors(days_of(costs, first=first), as_of=first + timedelta(days=len(costs)))


def test_four_weeks_tell_what_a_weekday_costs_beside_the_mean():
    assert factors(WEEK * 4) == pytest.approx((1.2,) * 5 + (0.5,) * 2)


def test_three_weeks_and_six_days_do_not():
    assert factors((WEEK * 4)[1:], first=MONDAY + timedelta(days=1)) is None
    assert factors(WEEK * 3) is None


def test_a_weekday_that_is_not_known_once_is_taken_from_a_fifth_week():
    costs = WEEK * 5
    costs[30] = None
    assert factors(costs) == pytest.approx((1.2,) * 5 + (0.5,) * 2)
    assert factors(costs[7:]) is None


def test_weeks_older_than_eight_are_not_looked_at():
    # Mondays are known in the oldest four of nine weeks and in the newest three but one.
    gap = [None, *WEEK[1:]]
    assert factors(WEEK * 2 + gap * 5 + WEEK * 2) is None
    assert factors(WEEK * 2 + gap * 4 + WEEK * 2) is not None


def test_weeks_may_begin_on_any_day():
    # The last day is a Wednesday.
    costs = (WEEK * 5)[3:31]
    assert factors(costs, first=MONDAY + timedelta(days=3)) == pytest.approx((1.2,) * 5 + (0.5,) * 2)


def test_neither_a_step_nor_a_spike_makes_a_pattern():
    doubled = [2 * usd for usd in WEEK]
    assert factors(WEEK * 2 + doubled * 2) == pytest.approx((1.2,) * 5 + (0.5,) * 2)
    spiked = WEEK * 4
    spiked[9] = 900
    assert factors(spiked) == pytest.approx((1.2,) * 5 + (0.5,) * 2)
    spiked[9] = -900
    assert factors(spiked) == pytest.approx((1.2,) * 5 + (0.5,) * 2)


def test_a_trend_makes_no_pattern():
    assert factors(range(10, 38)) == pytest.approx((1.0,) * 7)


def test_weeks_of_one_level_each_make_no_pattern_whichever_way_they_go():
    assert factors([10] * 7 + [20] * 7 + [10] * 7 + [20] * 7) == pytest.approx((1.0,) * 7)
    assert factors([10] * 14 + [20] * 7 + [30] * 7) == pytest.approx((1.0,) * 7, abs=0.05)


def test_weeks_that_cost_nothing_tell_of_no_weekday():
    assert factors([0] * 28) is None
    assert factors([0] * 7 + WEEK * 3) is None
    assert factors(WEEK + [0] * 7 + WEEK * 3) == pytest.approx((1.2,) * 5 + (0.5,) * 2)
    assert factors([-1] * 28) is None


def test_a_weekday_of_credits_counts_as_nothing():
    assert factors([10, 10, 10, 10, 10, 10, -4] * 4) == pytest.approx((7 / 6,) * 6 + (0.0,), abs=0.02)


def test_differences_are_drawn_in_by_what_chance_would_make():
    # Mondays cost 8, 12, 8, 12 and all other days 10: the median Monday is like the others.
    assert factors([8, 10, 10, 10, 10, 10, 10, 12, 10, 10, 10, 10, 10, 10] * 2) == pytest.approx((1.0,) * 7, abs=0.01)

    # Mondays cost 13 of a mean of 73 / 7.
    def with_mondays(*costs):
        return factors([usd for monday in costs for usd in (monday, *[10] * 6)])

    steady, restless = with_mondays(13, 13, 13, 13), with_mondays(4, 13, 22, 13)
    assert steady[0] == pytest.approx(13 * 7 / 73)
    assert 1 < restless[0] < steady[0]


def test_a_day_before_or_after_the_weeks_is_not_looked_at():
    as_of = MONDAY + timedelta(days=28)
    known = days_of(WEEK * 4)
    assert weekday_factors([*known, (as_of, 1e9)], as_of=as_of) == weekday_factors(known, as_of=as_of)
    assert weekday_factors([(date(2020, 1, 1), 1e9), *known], as_of=as_of) == weekday_factors(known, as_of=as_of)
