"""Which method is in use, how wide its intervals are and how wrong it was, by hand and walking forward."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ai_finops.analyse.forecast import AUTO_ETS, LAST_WEEK, LINEAR_TREND, MEAN_7D, METHODS
from ai_finops.analyse.forecast.backtest import Backtest
from ai_finops.analyse.forecast.choice import IN_USE, Choices, Chosen, all_judged, choices_by_feature
from tests.analyse.forecast.series_of_days import MONDAY


def week(number, method=LINEAR_TREND, *, projected=100.0, actual=100.0, margin=10.0, **more):
    """The backtest of the week that begins `number` weeks after the first Monday."""
    origin = MONDAY + timedelta(weeks=number)
    given = {"feature_id": "chat", "horizon": "7d", "status": "ok", "horizon_day_count": 7, "known_day_count": 7} | more
    return Backtest(
        origin_date=origin,
        method=method,
        last_date=origin + timedelta(days=given["horizon_day_count"] - 1),
        projected_usd=projected,
        margin_usd=margin,
        actual_usd=actual,
        **given,
    )


def weeks(*errors, method=LINEAR_TREND, **more):
    return [week(number, method, projected=100.0 + error, **more) for number, error in enumerate(errors)]


def monday(number):
    return MONDAY + timedelta(weeks=number)


def test_the_base_method_is_in_use_until_four_origins_tell():
    tests = weeks(20, 20, 20, 20) + weeks(1, 1, 1, 1, method=MEAN_7D)
    choices = Choices(tests)
    # The fourth week's last day is the one before the fifth Monday.
    assert choices.method_on(monday(4) - timedelta(days=1)) == LINEAR_TREND
    assert choices.method_on(monday(4)) == MEAN_7D
    assert Choices(tests[:3] + tests[4:7]).method_on(monday(9)) == LINEAR_TREND


def test_another_method_has_to_be_better_by_a_tenth():
    assert Choices(weeks(*[10] * 4) + weeks(*[9] * 4, method=MEAN_7D)).method_on(monday(4)) == LINEAR_TREND
    assert Choices(weeks(*[10] * 4) + weeks(*[8.9] * 4, method=MEAN_7D)).method_on(monday(4)) == MEAN_7D


def test_of_better_methods_the_best_is_in_use_and_of_equals_the_first():
    base, last, mean = weeks(*[10] * 4), weeks(*[5] * 4, method=LAST_WEEK), weeks(*[5] * 4, method=MEAN_7D)
    assert Choices(base + mean + last).method_on(monday(4)) == LAST_WEEK
    assert Choices(base + mean + last + weeks(*[4] * 4, method=AUTO_ETS)).method_on(monday(4)) == AUTO_ETS


def test_errors_are_sums_over_sums():
    # 30 of 400 against four times 5 of 100: the weeks weigh by what was spent in them.
    base = [*weeks(0, 0, 0), week(3, projected=130)]
    mean = [week(n, MEAN_7D, projected=106) for n in range(4)]
    assert Choices(base + mean).method_on(monday(4)) == MEAN_7D


def test_only_a_week_ahead_decides():
    far = {"horizon": "14d", "horizon_day_count": 14}
    tests = weeks(*[10] * 4) + weeks(*[10] * 4, method=MEAN_7D)
    tests += weeks(*[50] * 4, **far) + weeks(*[0] * 4, method=MEAN_7D, **far)
    assert Choices(tests).method_on(monday(8)) == LINEAR_TREND
    assert Choices(tests, choice_horizon="14d").method_on(monday(8)) == MEAN_7D


def test_where_nothing_was_spent_the_base_method_is_in_use_and_no_error_is_known():
    tests = [week(n, m, projected=p, actual=0.0) for n in range(5) for m, p in ((LINEAR_TREND, 5.0), (MEAN_7D, 0.0))]
    choices = Choices(tests)
    assert choices.method_on(monday(5)) == LINEAR_TREND
    error = choices.error_on(monday(5), MEAN_7D, "7d")
    assert (error.origin_count, error.wape_ratio, error.bias_ratio, error.coverage_ratio) == (5, None, None, None)
    assert error.status == "insufficient_history"


def test_the_error_in_use_is_that_of_whatever_was_in_use_at_each_origin():
    choices = Choices(weeks(*[20] * 6) + weeks(*[1] * 6, method=MEAN_7D))
    used = [(one.backtest.origin_date, one.backtest.method) for one in choices.judged if one.is_method_in_use]
    assert used == [(monday(n), LINEAR_TREND if n < 4 else MEAN_7D) for n in range(6)]
    # 20, 20, 20, 20, 1, 1 of 600.
    error = choices.error_on(monday(6), IN_USE, "7d")
    assert (error.origin_count, error.wape_ratio, error.bias_ratio) == (
        6,
        pytest.approx(82 / 600),
        pytest.approx(82 / 600),
    )
    assert error.status == "measured"
    assert choices.error_on(monday(6), MEAN_7D, "7d").wape_ratio == pytest.approx(6 / 600)


def test_bias_has_a_sign_and_actuals_count_by_their_size():
    choices = Choices([week(0, projected=110), week(1, projected=-70, actual=-100), week(2, projected=60)])
    error = choices.error_on(monday(3), LINEAR_TREND, "7d")
    # 10, 30 and -40 of 100 + 100 + 100.
    assert (error.wape_ratio, error.bias_ratio) == (pytest.approx(80 / 300), pytest.approx(0.0))


def test_intervals_are_scaled_from_eight_origins_on():
    # Errors of 1 to 8 with margins of 10: the ⌈0.8 * 9⌉ = 8th smallest ratio is 0.8.
    choices = Choices(weeks(*range(1, 9)))
    assert choices.scale_on(monday(8) - timedelta(days=1), LINEAR_TREND) == 1.0
    assert choices.scale_on(monday(8), LINEAR_TREND) == pytest.approx(0.8)
    assert choices.scale_on(monday(8), MEAN_7D) == 1.0


def test_the_place_of_the_quantile_is_exact():
    # Of 14 errors the 12th, because 0.8 * 15 is 12; of 9 the 8th.
    assert Choices(weeks(*range(1, 15))).scale_on(monday(14), LINEAR_TREND) == pytest.approx(1.2)
    assert Choices(weeks(*range(1, 10))).scale_on(monday(9), LINEAR_TREND) == pytest.approx(0.8)


def test_errors_above_and_below_count_alike():
    assert Choices(weeks(*range(-8, 0))).scale_on(monday(8), LINEAR_TREND) == pytest.approx(0.8)


def test_the_widest_of_the_horizons_decides_once_it_has_eight_origins():
    far = {"horizon": "14d", "horizon_day_count": 14}
    tests = weeks(*[5] * 9) + weeks(*[30] * 9, **far)
    assert Choices(tests).scale_on(monday(8), LINEAR_TREND) == pytest.approx(0.5)
    assert Choices(tests).scale_on(monday(9), LINEAR_TREND) == pytest.approx(3.0)


def test_scales_are_bounded():
    assert Choices(weeks(*[1000] * 8)).scale_on(monday(8), LINEAR_TREND) == 10.0
    assert Choices(weeks(*[0.001] * 8)).scale_on(monday(8), LINEAR_TREND) == 0.2
    assert Choices(weeks(*[0] * 8, margin=0.0)).scale_on(monday(8), LINEAR_TREND) == 0.2
    assert Choices(weeks(*[1] * 8, margin=0.0)).scale_on(monday(8), LINEAR_TREND) == 10.0


def test_an_interval_holds_its_ends_and_is_not_below_zero():
    inside = [Choices([week(0, projected=100, actual=usd)]).judged[0].is_in_interval for usd in (89.9, 90, 110, 110.1)]
    assert inside == [False, True, True, False]
    (one,) = Choices([week(0, projected=4, actual=-1, margin=10)]).judged
    assert (one.low_usd, one.high_usd, one.is_in_interval) == (0, 14, False)


def test_coverage_is_by_the_scale_of_the_origin():
    # Eight errors of 5 with margins of 10 make the ninth's margin 5: an error of 6 is outside, one of 5 was inside.
    choices = Choices(weeks(*[5] * 8, 6))
    assert [one.interval_scale for one in choices.judged] == [1.0] * 8 + [0.5]
    assert choices.error_on(monday(9), LINEAR_TREND, "7d").coverage_ratio == pytest.approx(8 / 9)


def test_what_is_in_use_on_a_date_comes_with_its_errors():
    chosen = Choices(weeks(*[20] * 8) + weeks(*[2] * 8, method=MEAN_7D)).on(monday(8))
    assert (chosen.method, chosen.interval_scale) == (MEAN_7D, pytest.approx(0.2))
    assert chosen.errors["7d"].wape_ratio == pytest.approx((4 * 20 + 4 * 2) / 800)
    assert (chosen.errors["14d"].status, chosen.errors["month_end"].origin_count) == ("insufficient_history", 0)
    assert Choices([]).on(MONDAY) == Chosen()
    assert set(Chosen().errors) == {"7d", "14d", "month_end"}


def random_backtests(rng):
    spans = {"7d": 7, "14d": 14, "month_end": 20}
    return [
        week(
            number,
            method,
            projected=rng.uniform(50, 150),
            actual=rng.uniform(50, 150),
            margin=rng.uniform(5, 40),
            horizon=horizon,
            horizon_day_count=days,
        )
        for number in range(20)
        for method in METHODS
        for horizon, days in spans.items()
    ]


@pytest.mark.parametrize("seed", range(10))
def test_nothing_that_came_later_changes_what_was_chosen(seed):
    rng = random.Random(seed)
    tests = random_backtests(rng)
    day = monday(rng.randrange(5, 18))
    changed = [one if one.last_date < day else replace(one, actual_usd=rng.uniform(0, 900)) for one in tests]
    before, after = Choices(tests), Choices(changed)
    assert before.on(day) == after.on(day)
    seen = [
        [(one.backtest.origin_date, one.backtest.method, one.interval_scale, one.is_method_in_use) for one in judged]
        for judged in (
            [one for one in choices.judged if one.backtest.origin_date <= day] for choices in (before, after)
        )
    ]
    assert seen[0] == seen[1]
    assert before.on(date(2026, 1, 1)).errors != after.on(date(2026, 1, 1)).errors


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_backtests_come_makes_no_difference(seed):
    rng = random.Random(seed)
    tests = random_backtests(rng)
    shuffled = rng.sample(tests, len(tests))
    assert Choices(tests).judged == Choices(shuffled).judged
    assert Choices(tests).on(monday(30)) == Choices(shuffled).on(monday(30))


def test_one_method_is_in_use_at_every_origin():
    judged = Choices(random_backtests(random.Random(7))).judged
    used = [(one.backtest.origin_date, one.backtest.horizon) for one in judged if one.is_method_in_use]
    assert len(used) == len(set(used)) == 60


def test_features_are_chosen_for_one_by_one():
    tests = weeks(*[20] * 4) + weeks(*[1] * 4, method=MEAN_7D) + weeks(*[1] * 4, feature_id="batch")
    choices = choices_by_feature(tests)
    assert {feature: of_feature.method_on(monday(4)) for feature, of_feature in choices.items()} == {
        "batch": LINEAR_TREND,
        "chat": MEAN_7D,
    }
    keys = [(one.backtest.origin_date, one.backtest.feature_id) for one in all_judged(choices)]
    assert keys == sorted(keys)
    assert len(keys) == 12
