"""Forecasts as callers see them: statuses, windows, bad input, and what must hold of any series."""

from datetime import date, timedelta
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse.forecast import AUTO_ETS, LAST_WEEK, LINEAR_TREND, MEAN_7D, METHODS, forecast
from ai_finops.analyse.forecast.levels import present_level
from ai_finops.analyse.forecast.weekdays import EVEN
from tests.analyse.forecast.series_of_days import MONDAY, after, days_of

QUICK = (LINEAR_TREND, LAST_WEEK, MEAN_7D)
COSTS = st.one_of(
    st.just(0.0),
    st.none(),
    st.integers(-20, 40).map(float),
    st.floats(-1e9, 1e9, allow_nan=False, allow_infinity=False),
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("count", "status"), [(6, "insufficient_history"), (7, "short_history"), (13, "short_history"), (14, "ok")]
)
def test_status_by_known_days(method, count, status):
    found = after(
        [10.0, 11.0, 12.0] * 4 + [10.0, 11.0] if count == 14 else ([10.0, 11.0, 12.0] * 5)[:count], method=method
    )
    assert (found.status, found.window_day_count) == (status, count)
    assert bool(found.daily_usd) == bool(found.daily_margin_usd) == (count >= 7)


@pytest.mark.parametrize("method", METHODS)
def test_three_days_of_history_give_no_number(method):
    found = after([5, 6, 7], method=method)
    assert (found.status, found.daily_usd, found.margins) == ("insufficient_history", (), None)
    assert (found.window_day_count, found.window_start_date) == (3, MONDAY)
    assert after([], method=method).window_start_date is None
    with pytest.raises(ValueError, match="days 0 to 0 are not in a forecast of 0 days"):
        found.sum_margin_usd(0, 0)


def test_a_line_is_taken_from_14_days_on_and_a_level_below():
    assert after(range(10, 24)).daily_usd == pytest.approx(range(24, 31))
    assert after(range(10, 23)).daily_usd == (16.0,) * 7


def test_a_line_beyond_31_days_fades_and_its_margins_do_not():
    costs = [100 + n + (-1) ** n for n in range(28)]
    near, far = after(costs, day_count=31), after(costs, day_count=215)
    assert far.daily_usd[:31] == near.daily_usd
    rise = far.daily_usd[30] - far.daily_usd[28]
    assert 0 < far.daily_usd[214] - far.daily_usd[30] < 44.73 * rise / 2
    assert far.daily_margin_usd[214] > far.daily_margin_usd[122] > far.daily_margin_usd[30]


def test_the_window_is_28_days():
    # The 29th day before would be a spike, and is not even counted.
    found = after([900] + [10] * 28)
    assert (found.window_day_count, found.window_start_date) == (28, MONDAY + timedelta(days=1))


def test_weekday_factors_multiply_the_line_where_there_are_four_weeks():
    week = [12.0] * 5 + [5.0, 5.0]
    assert after(week * 4).daily_usd == pytest.approx(week)
    three = after(week * 3)
    assert max(three.daily_usd) - min(three.daily_usd) < 1.5


@pytest.mark.parametrize("size", [2.0, 0.4])
def test_a_level_step_restarts_the_window(size):
    # On June 16 all costs change.
    found = after([10.0] * 14 + [10 * size] * 14)
    assert found.daily_usd == pytest.approx((10 * size,) * 7)
    assert (found.status, found.window_day_count, found.window_start_date) == ("ok", 14, date(2025, 6, 16))


@pytest.mark.parametrize("count", [3, 6, 7, 13])
def test_few_days_after_a_step_are_a_level_and_a_short_history(count):
    found = after([10.0] * 15 + [30.0 + n for n in range(count)])
    assert (found.status, found.window_day_count) == ("short_history", count)
    assert len(set(found.daily_usd)) == 1
    assert 30 <= found.daily_usd[0] <= 30 + count - 1


@pytest.mark.parametrize(("count", "level_usd"), [(3, 100), (6, 100), (7, 0)])
def test_until_a_week_is_behind_a_step_its_level_may_be_off_by_the_whole_step(count, level_usd):
    # From 100 to nothing: $0, and nobody knows yet whether it stays. A week of it may cost 700.
    found = after([99.0, 101.0] * 30 + [0.0] * count, day_count=215)
    assert set(found.daily_usd) == {0.0}
    assert found.margins.level_usd == level_usd
    assert found.sum_margin_usd(0, 6) == 7 * level_usd
    assert found.daily_margin_usd[214] == level_usd


def test_a_step_up_or_of_first_days_counts_alike():
    assert after([10.0] * 15 + [50.0, 51.0, 49.0]).margins.level_usd == pytest.approx(40)
    assert after([1.0] * 3 + [20.0] * 6).margins.level_usd == pytest.approx(19)
    assert after([1.0] * 3 + [20.0] * 7).margins.level_usd == 0


def test_days_that_differ_by_more_than_the_step_have_their_own_margin():
    # 14, 40 and 16 after 10: mean 70/3, 13.3 more. Variance 628/3, t of two degrees 1.8856, as of two days.
    found = after([10.0] * 15 + [14.0, 40.0, 16.0])
    assert found.margins.level_usd == pytest.approx(1.8856 * (628 / 3 / 2) ** 0.5, rel=1e-4)


def test_a_step_is_measured_on_even_weekdays():
    week = [12.0] * 5 + [5.0, 5.0]
    # 24 on days of 1.2 is 20, and was 10.
    assert after(week * 4 + [24.0, 24.0, 24.0]).margins.level_usd == pytest.approx(10, rel=0.02)


def test_cost_on_every_tenth_day_is_projected_as_nothing_and_its_interval_knows_of_it():
    # Three days of 70 in the last 28: variance 3 * 4900 / 28 = 525. The other 25 weigh as 21, so 19 degrees: 1.3253 to 1.3277.
    found = after([70.0 if n % 10 == 0 else 0.0 for n in range(61)])
    assert set(found.daily_usd) == {0.0}
    assert found.margins.day_usd == pytest.approx(1.3265 * 525**0.5, rel=2e-3)
    # A week of one such day lies inside, 80 at most.
    assert found.sum_margin_usd(0, 6) == pytest.approx(7**0.5 * found.margins.day_usd)
    assert found.sum_margin_usd(0, 6) > 70


def test_weekday_factors_outlive_a_step():
    week = [12.0] * 5 + [5.0, 5.0]
    found = after(week * 4 + [24.0, 24.0, 24.0])
    # Thursday, Friday, Saturday, Sunday.
    assert found.daily_usd[:4] == pytest.approx((24, 24, 10, 10), rel=0.02)
    assert (found.status, found.window_day_count) == ("short_history", 3)


@pytest.mark.parametrize("spike", [[300.0], [1e12], [-500.0], [300.0, 400.0], [0.0, 0.0]])
@pytest.mark.parametrize("behind", [0, 1, 10])
def test_a_spike_does_not_bend_the_trend(spike, behind):
    found = after([10.0] * 15 + spike + [10.0] * behind)
    assert found.daily_usd == pytest.approx((10.0,) * 7)
    assert found.status == "ok"


def test_a_huge_day_in_a_first_week_does_not_make_its_level():
    assert after([10, 10, 10, 10, 10, 5000, 10]).daily_usd == pytest.approx((10.0,) * 7)


@pytest.mark.parametrize("method", METHODS)
def test_a_feature_that_is_off_costs_nothing(method):
    found = after([0.0] * 20, method=method)
    assert (found.status, set(found.daily_usd), set(found.daily_margin_usd)) == ("ok", {0.0}, {0.0})


def test_a_feature_switched_off_for_three_days_costs_nothing_further():
    found = after([10.0] * 20 + [0.0] * 3)
    assert (set(found.daily_usd), found.status) == ({0.0}, "short_history")


def test_credits_are_taken_as_they_are():
    assert after([-2.0] * 14).daily_usd == pytest.approx((-2.0,) * 7)
    assert after([7, 7, 7, -7, 7, 7, 7]).daily_usd == pytest.approx((7.0,) * 7)


def test_cost_on_a_weekday_hardly_known_in_the_window_gives_numbers():
    # Only Mondays cost something, for four weeks; of the last three weeks two Mondays and some other days are known.
    months = [70.0, 0, 0, 0, 0, 0, 0] * 4 + [None, 0, 0, None, None, None, None] * 3 + [None, 0, 0, 0, 0, 0, 0]
    found = after(months)
    assert found.status == "short_history"
    assert all(map(isfinite, found.daily_usd))


@pytest.mark.parametrize("method", METHODS)
def test_days_from_as_of_on_are_not_looked_at(method):
    costs = [10.0 + (n * 5) % 7 for n in range(30)]
    as_of = MONDAY + timedelta(days=30)
    known = days_of(costs)
    later = [*known, (as_of, 9e9), (as_of + timedelta(days=1), -9e9)]
    assert forecast(later, as_of=as_of, day_count=9, method=method) == forecast(
        known, as_of=as_of, day_count=9, method=method
    )


@pytest.mark.parametrize("method", METHODS)
def test_days_more_than_eight_weeks_before_are_not_looked_at(method):
    costs = [10.0 + (n * 5) % 7 for n in range(57)]
    odd = [9e9, *costs[1:]]
    assert after(odd, method=method) == after(costs, method=method)
    within = [costs[0], 50.0, *costs[2:]]
    assert method in (LAST_WEEK, MEAN_7D, LINEAR_TREND) or after(within, method=method) != after(costs, method=method)


def test_an_interval_is_as_many_times_as_wide_as_it_is_told_to_be():
    costs = [10.0 + (n * 5) % 7 for n in range(20)]
    plain, wide = after(costs), after(costs, scale=2.5)
    assert wide.daily_usd == plain.daily_usd
    assert wide.daily_margin_usd == pytest.approx([2.5 * usd for usd in plain.daily_margin_usd])
    assert wide.sum_margin_usd(0, 6) == pytest.approx(2.5 * plain.sum_margin_usd(0, 6))


def test_the_margin_of_a_sum_lies_between_that_of_independent_and_of_equal_errors():
    found = after([10.0 + (n * 5) % 7 for n in range(20)])
    singles = found.daily_margin_usd[2:5]
    assert sum(usd**2 for usd in singles) ** 0.5 < found.sum_margin_usd(2, 4) < sum(singles)
    assert found.sum_margin_usd(3, 3) == pytest.approx(found.daily_margin_usd[3])


@pytest.mark.parametrize(("first", "last"), [(-1, 2), (3, 2), (0, 7)])
def test_a_sum_of_days_that_are_not_forecast_is_refused(first, last):
    with pytest.raises(ValueError, match=f"days {first} to {last} are not in a forecast of 7 days"):
        after([10.0] * 14).sum_margin_usd(first, last)


def test_a_method_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="'guess' is no method of forecast; known are linear_trend, last_week"):
        after([10.0] * 14, method="guess")


def check_numbers(found):
    assert found.status in ("ok", "short_history", "insufficient_history")
    assert all(map(isfinite, (*found.daily_usd, *found.daily_margin_usd)))
    assert all(usd >= 0 for usd in found.daily_margin_usd)


@settings(deadline=None, max_examples=300)
@given(costs=st.lists(COSTS, max_size=64), method=st.sampled_from(QUICK))
def test_any_series_gives_finite_numbers_or_none(costs, method):
    check_numbers(after(costs, method=method, day_count=31))


@settings(deadline=None, max_examples=25)
@given(costs=st.lists(COSTS, max_size=60))
def test_any_series_gives_finite_numbers_or_none_by_ets(costs):
    check_numbers(after(costs, method=AUTO_ETS, day_count=31))


@settings(deadline=None, max_examples=150)
@given(
    costs=st.lists(st.one_of(st.none(), st.integers(-20, 400).map(float)), max_size=60), method=st.sampled_from(QUICK)
)
def test_costs_eight_times_as_high_give_a_forecast_eight_times_as_high(costs, method):
    # A power of two: no rounding can move a cost across a threshold.
    plain = after(costs, method=method)
    scaled = after([None if usd is None else 8 * usd for usd in costs], method=method)
    assert scaled.daily_usd == pytest.approx([8 * usd for usd in plain.daily_usd])
    assert scaled.daily_margin_usd == pytest.approx([8 * usd for usd in plain.daily_margin_usd])
    assert (scaled.status, scaled.window_day_count) == (plain.status, plain.window_day_count)


def test_ets_of_costs_eight_times_as_high_is_eight_times_as_high():
    costs = [10.0 + (n * 5) % 7 + n / 4 for n in range(35)]
    plain, scaled = after(costs, method=AUTO_ETS), after([8 * usd for usd in costs], method=AUTO_ETS)
    assert scaled.daily_usd == pytest.approx([8 * usd for usd in plain.daily_usd])


STRETCHES = st.lists(st.tuples(st.sampled_from([0.0, 10.0, 11.0, 70.0]), st.integers(1, 12)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=300)
@given(stretches=STRETCHES)
def test_no_interval_has_no_width_unless_all_its_days_are_the_same(stretches):
    # Below four weeks no weekday has a factor.
    costs = [usd for usd, count in stretches for _ in range(count)][:27]
    found = after(costs)
    if found.margins is None or found.sum_margin_usd(0, 6) > 1e-6:
        return
    level = present_level(days_of(costs), factors=EVEN)
    assert len({usd for _, usd in level.days}) == 1
    assert level.before_usd in (None, level.days[0][1]) or len(level.days) >= 7
