"""The line and the t quantile beside scipy's, where scipy is installed."""

import pytest

from ai_finops.analyse.trend import Trend, t_quantile_90


def test_line_through_points_on_a_line():
    trend = Trend.fit([(-3, 1.0), (-2, 3.0), (-1, 5.0)])
    assert (trend.slope, trend.at(0), trend.margin_80(0)) == (2.0, 7.0, 0.0)


def test_the_level_has_no_slope_and_the_same_margin_everywhere():
    # 1, 3, 5: mean 3, variance 8/2, t(2 df) = 1.8856; margin 1.8856 * 2 * sqrt(4/3).
    level = Trend.level([(-3, 1.0), (-2, 3.0), (-1, 5.0)])
    assert (level.slope, level.at(0), level.at(20)) == (0.0, 3.0, 3.0)
    assert level.margin_80(0) == level.margin_80(20) == pytest.approx(4.354606, abs=1e-5)


@pytest.mark.parametrize("degrees", [1, 5, 12, 26, 30])
def test_quantiles_are_those_of_student(degrees):
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile_90(degrees) == pytest.approx(stats.t.ppf(0.9, degrees), abs=1e-4)


def test_past_the_table_the_normal_quantile_is_used():
    assert t_quantile_90(30) == 1.3104
    assert t_quantile_90(31) == pytest.approx(1.28155, abs=1e-5)
