"""The line and its margins by hand."""

from math import sqrt

import pytest

from ai_finops.analyse.forecast.line import Line, Point, fit
from ai_finops.analyse.forecast.margins import Margins


def points(costs, *, factor=1.0):
    """Costs of days in a row, the last one the day before `as_of`."""
    return [Point(n - len(costs), factor, usd) for n, usd in enumerate(costs)]


def test_an_exact_line_goes_on_without_a_margin():
    line = fit(points(range(10, 30)), has_slope=True)
    assert [line.at(x) for x in (-1, 0, 5)] == pytest.approx([29, 30, 35])
    assert line.margins.of_days(range(7)) == pytest.approx(0, abs=1e-9)


def test_a_slope_runs_in_full_to_the_31st_day_and_fades_after_it():
    line = Line(level_usd=100, slope_usd=2, middle_x=-10)
    # Up to the longest horizon that is backtested: 100 + 2 * 40.
    assert (line.at(29), line.at(30)) == (178, 180)
    # 31 days later it is half as steep: (31 / 0.693147) * (1 - 1/2) = 22.3618 days of it have gone by, and 3/4 after 62.
    assert line.at(61) == pytest.approx(100 + 2 * (10 + 30 + 22.3618), abs=1e-3)
    assert line.at(92) == pytest.approx(100 + 2 * (10 + 30 + 33.5427), abs=1e-3)
    assert line.at(61, factor=0.5) == pytest.approx(112.3618, abs=1e-3)
    # No jump in level or slope: the day after goes up by all but a hundredth of it.
    assert line.at(31) - line.at(30) == pytest.approx(2 * 0.98891, abs=1e-4)
    # However far ahead, by no more than 31 / ln 2 = 44.7237 days.
    assert line.at(10_000) == pytest.approx(100 + 2 * (10 + 30 + 44.7237), abs=1e-3)


def test_factors_multiply_the_line():
    # An even day costs 10 and 1 more each day; every second day costs half.
    halves = [Point(x, 1.0 if x % 2 else 0.5, (30 + x) * (1.0 if x % 2 else 0.5)) for x in range(-20, 0)]
    line = fit(halves, has_slope=True)
    assert (line.at(0, factor=0.5), line.at(1)) == pytest.approx((15, 31))


def test_a_day_counts_half_as_much_as_one_a_fortnight_after_it():
    # Three days each at the ends, at 10 and 40: about 1/2 : 1, so (0.5 * 10 + 1 * 40) / 1.5 = 30 about two thirds of the way.
    ends = [Point(x, 1.0, 10) for x in (-16, -15, -14)] + [Point(x, 1.0, 40) for x in (-2, -1, 0)]
    line = fit(ends, has_slope=True)
    assert (line.level_usd, line.middle_x) == (pytest.approx(30), pytest.approx(-15 + 14 * 2 / 3, abs=0.1))


def test_a_level_is_the_mean_and_of_factors_what_fits_best():
    assert fit([Point(-15, 1.0, 10), Point(-2, 1.0, 40), Point(-1, 1.0, 40)], has_slope=False).level_usd == 30
    # (1 * 12 + 0.5 * 4) / (1 + 0.25).
    assert fit([Point(-2, 1.0, 12), Point(-1, 0.5, 4)], has_slope=False).level_usd == pytest.approx(11.2)


def test_a_slope_counts_as_far_as_it_is_beyond_chance():
    steep = fit(points([10, 14, 13, 17, 16, 20, 19, 23, 22, 26, 25, 29, 28, 32]), has_slope=True)
    assert 1.4 < steep.slope_usd < 1.6
    # Up and down by 10 around no trend to speak of.
    assert fit(points([10, 30] * 7), has_slope=True).slope_usd == 0
    # The same rise under noise is partly believed.
    partly = fit(points([10 + n + (-1) ** n * 6 for n in range(14)]), has_slope=True)
    assert 0 < partly.slope_usd < 1


def test_margins_of_a_level_by_hand():
    # Days 8, 12, 8, 12: variance 16/3, t of 3 degrees 1.6377.
    line = fit(points([8, 12, 8, 12]), has_slope=False)
    day = 1.6377 * sqrt(16 / 3)
    assert (line.level_usd, line.margins.day_usd) == (10, pytest.approx(day, rel=1e-4))
    # A level is known as from two days at most, and may change by as much in a fortnight.
    assert line.margins.level_usd == pytest.approx(day / sqrt(2), rel=1e-4)
    assert line.margins.slope_usd == pytest.approx(day / sqrt(2) / 14, rel=1e-4)
    assert line.margins.middle_x == -2.5


def test_spikes_count_for_what_a_day_may_be_off_and_for_nothing_else():
    # Four days of 10 and one of 60: (50² + 0) / 5 = 500; t of 3 degrees 1.6377.
    line = fit(points([10] * 4), has_slope=False, spikes=[Point(-6, 1.0, 60)])
    assert (line.level_usd, line.margins.level_usd, line.margins.slope_usd) == (10, 0, 0)
    assert line.margins.day_usd == pytest.approx(1.6377 * sqrt(500), rel=1e-4)
    # Beside the noise of the other days, 16/3, and against a weekday's own cost: (60 - 0.5 * 10)² / 5 = 605.
    noisy = fit(points([8, 12, 8, 12]), has_slope=False, spikes=[Point(-6, 0.5, 60)])
    assert noisy.margins.day_usd == pytest.approx(1.6377 * sqrt(16 / 3 + 605), rel=1e-4)
    assert noisy.margins.level_usd == fit(points([8, 12, 8, 12]), has_slope=False).margins.level_usd


def test_a_spike_long_ago_counts_as_much_as_one_of_yesterday():
    days = [Point(x, 1.0, 10) for x in range(-20, -1)]
    (old, new) = (fit(days, has_slope=True, spikes=[Point(x, 1.0, 60)]).margins.day_usd for x in (-28, -1))
    assert old == new > 0


def test_margins_of_a_line_by_hand():
    # Twenty days up and down by 3 beside a line of slope 1, in pairs that do not bend it: +3, -3, -3, +3.
    beside = [100 + n + (3 if n % 4 in (0, 3) else -3) for n in range(20)]
    line = fit(points(beside), has_slope=True)
    # Weights halve in 14 days: they tell as much as 18.5 days, so 16.5 degrees of freedom, and t of 16 is 1.3368.
    assert line.margins.day_usd == pytest.approx(1.3368 * 3 * sqrt(18.5 / 16.5), rel=0.01)
    assert line.slope_usd == pytest.approx(1, abs=0.05)


def test_a_sum_adds_up_what_is_random_in_squares_and_what_days_share_in_full():
    margins = Margins(day_usd=3, level_usd=2, slope_usd=0.5, middle_x=-10)
    # Four days: 4 * 9 + (4 * 2)² + ((10 + 11 + 12 + 13) * 0.5)² = 36 + 64 + 529.
    assert margins.of_days(range(4)) == pytest.approx(sqrt(629))
    assert margins.of_days((0,)) == pytest.approx(sqrt(9 + 4 + 25))
    assert margins.scaled(2).of_days(range(4)) == pytest.approx(2 * sqrt(629))
    assert margins.of_days(()) == 0


def test_a_level_may_be_said_to_be_off_by_more_and_not_by_less():
    margins = Margins(day_usd=3, level_usd=2, slope_usd=0.5, middle_x=-10)
    assert margins.with_level_of(5) == Margins(3, 5, 0.5, -10)
    assert margins.with_level_of(1) == margins
