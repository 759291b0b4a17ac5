"""Steps, spikes, excursions and rhythms by hand; all days are of even weekdays unless a test says so."""

from datetime import timedelta

import pytest

from ai_finops.analyse.forecast.levels import present_level
from ai_finops.analyse.forecast.weekdays import EVEN
from tests.analyse.forecast.series_of_days import MONDAY, days_of


def level(costs, *, factors=EVEN):
    return present_level(days_of(costs), factors=factors)


def start(costs, **more):
    """Which of the days is the first of the level."""
    return (level(costs, **more).days[0][0] - MONDAY).days


def spikes(costs, **more):
    return sorted((day - MONDAY).days for day in level(costs, **more).spikes)


@pytest.mark.parametrize("after", [20, 0, -5])
def test_a_step_that_stayed_three_days_begins_the_level_anew_in_either_direction(after):
    assert start([10] * 10 + [after] * 2) == 0
    assert start([10] * 10 + [after] * 3) == 10
    assert level([10] * 10 + [after] * 3).is_after_step
    assert not level([10] * 10 + [after] * 2).is_after_step


def test_the_level_before_a_step_is_its_middle_day_at_an_even_weekdays_cost():
    # Of its last fourteen days, without the odd one.
    assert level([30] * 3 + [8, 10, 12, 10, 8, 900, 10] * 2 + [50] * 3).before_usd == 10
    assert level([10] * 10 + [50] * 2).before_usd is None
    assert level([10] * 14 + [0] * 3 + [10] * 3).before_usd is None
    factors = (1.2,) * 5 + (0.5,) * 2
    assert level([12, 12, 12, 12, 12, 5, 5] * 3 + [24] * 3, factors=factors).before_usd == pytest.approx(10)
    # Of first days that were a level of their own.
    assert level([1, 1, 1] + [20] * 20).before_usd == 1


def test_a_change_of_three_tenths_is_none_however_steady_the_series():
    assert start([10] * 10 + [13] * 3) == 0
    assert start([10] * 10 + [13.01] * 3) == 10
    assert start([10] * 10 + [7] * 3) == 0
    assert start([10] * 10 + [6.99] * 3) == 10


def test_a_change_has_to_stand_out_of_the_levels_own_spread():
    # Median 10, each day 2 off it: 4 * 1.4826 * 2 = 11.8608.
    restless = [8, 12] * 5
    assert start([*restless, 21.86, 21.86, 21.86]) == 0
    assert start([*restless, 21.87, 21.87, 21.87]) == 10


def test_days_that_are_mostly_the_same_have_the_spread_of_the_others():
    # Median 0, mean deviation 0.9: 4 * 1.2533 * 0.9 = 4.51188. The 9 itself is held against days that all are 0.
    seldom = [9, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert spikes([*seldom, 4.51]) == [0]
    assert spikes([*seldom, 4.52]) == [0, 10]


def test_days_on_two_sides_or_with_an_ordinary_one_between_are_no_step():
    assert start([10] * 10 + [30, 0, 30]) == 0
    assert start([10] * 10 + [30, 30, 10, 30]) == 0


def test_unknown_days_neither_end_nor_make_a_step():
    assert start([10] * 10 + [30, None, 30, None, 30]) == 10
    assert start([10] * 10 + [30, None, 30]) == 0


def test_a_spike_of_one_or_two_days_is_left_out_however_high_or_low():
    assert spikes([10] * 14 + [9e9] + [10] * 5) == [14]
    assert spikes([10] * 14 + [-500, -600] + [10] * 5) == [14, 15]
    # Also where nothing is known yet of whether it stays.
    assert spikes([10] * 14 + [500, 600]) == [14, 15]
    assert start([10] * 14 + [500, 600]) == 0


def test_a_spike_among_the_first_days_is_held_against_those_after():
    assert spikes([900] + [10] * 20) == [0]
    assert spikes([10, 10, 900] + [10] * 20) == [2]


def test_first_days_on_another_level_are_left_behind():
    assert start([1, 1, 1] + [20] * 20) == 3
    assert start([1, 1, 1, 1] + [20] * 20) == 4
    assert level([1, 1, 1] + [20] * 20).is_after_step
    assert spikes([1, 1] + [20] * 20) == [0, 1]


def test_a_step_that_was_taken_back_within_a_week_was_none():
    costs = [10] * 14 + [0] * 3 + [10] * 3
    assert start(costs) == 0
    assert len(level(costs).days) == 17
    assert not level(costs).is_after_step
    # Two days after it nobody knows: the step goes on.
    assert start(costs[:-1]) == 14
    assert start([10] * 14 + [0] * 7 + [10] * 3) == 0
    assert start([10] * 14 + [0] * 8 + [10] * 3) == 22


def test_a_step_back_to_another_level_is_a_step():
    assert start([10] * 14 + [0] * 3 + [30] * 3) == 17


def test_two_excursions_are_left_out_both():
    costs = [10] * 14 + [0] * 3 + [10] * 5 + [40] * 4 + [10] * 4
    assert start(costs) == 0
    assert [usd for _, usd in level(costs).days] == [10] * 23


def test_weekends_that_are_odd_together_are_a_rhythm():
    assert spikes([10, 10, 10, 10, 10, 1, 1]) == []
    # A Saturday alone is a spike; so is a Thursday and a Friday.
    assert spikes([10, 10, 10, 10, 10, 1, 10]) == [5]
    assert spikes([10, 10, 10, 10, 1, 10, 10]) == [4]
    # With another weekend that is as ever, this one was a spike.
    assert spikes([10, 10, 10, 10, 10, 1, 1] + [10] * 7) == [5, 6]


def test_a_weekday_that_is_odd_each_week_is_a_rhythm():
    assert spikes([10, 10, 10, 10, 10, 10, 60] * 3) == []
    assert spikes([10, 10, 10, 10, 60, 10, 10, 10, 10, 10, 10, 60, 10, 10]) == []
    assert spikes([10, 10, 10, 10, 60, 10, 10, 10, 10, 10, 10, 0, 10, 10]) == [4, 11]


def test_weekdays_are_compared_without_their_factors():
    factors = (1.2,) * 5 + (0.5,) * 2
    week = [12, 12, 12, 12, 12, 5, 5]
    assert spikes(week * 4, factors=factors) == []
    # A Saturday like a weekday is odd then.
    assert spikes(week * 3 + [12, 12, 12, 12, 12, 12, 5], factors=factors) == [26]
    assert start(week * 3 + [24, 24, 24, 24], factors=factors) == 21


def test_days_of_a_weekday_that_costs_next_to_nothing_tell_of_no_level():
    factors = (1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0)
    week = [14, 14, 14, 14, 14, 0, 0]
    costs = [*week * 3, 14, 14, 14, 28, 28, 0, 0, 28]
    assert start(costs, factors=factors) == 24
    assert len(level(week * 4, factors=factors).days) == 28


def test_more_than_one_odd_day_in_seven_is_what_the_series_is_like():
    def with_spikes(*places):
        return [90 if n in places else 10 for n in range(28)]

    assert spikes(with_spikes(8, 14, 20, 26)) == [8, 14, 20, 26]
    assert spikes(with_spikes(8, 11, 14, 20, 26)) == []
    # Two may always be, of however few days.
    assert spikes([10] * 5 + [90, 10, 90]) == [5, 7]


def test_fewer_than_four_days_before_judge_nothing():
    assert spikes([10, 10, 10, 90]) == []
    assert spikes([10, 10, 10, 10, 90]) == [4]


def test_a_level_after_a_step_goes_on_with_three_days():
    costs = [10] * 10 + [50, 51, 49]
    assert [day for day, _ in level(costs).days] == [MONDAY + timedelta(days=n) for n in (10, 11, 12)]
    assert spikes([*costs, 500]) == [13]
