"""A way of routing beside the coin of its cost: ten rows by hand, and both sides of every bound."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ai_finops.analyse.coin_rule import compare_with_coin
from ai_finops.analyse.routing_policies import Kind, MarkedQuestions, ModelPrice, Prices, try_routes
from tests.analyse.replay_made import TEN
from tests.benchmarks.coin_rule import PRICES as SIMULATED_PRICES
from tests.benchmarks.coin_rule import by_chance, equal, in_rows, squared

PRICES = Prices(ModelPrice(1, 1, 0), ModelPrice(10, 10, 0))


def asked(is_cheap_right, is_strong_right, *, count=1, tokens_each=1000) -> MarkedQuestions:
    squared = count * tokens_each**2
    return MarkedQuestions(Kind("", ""), is_cheap_right, is_strong_right, count, count * tokens_each, None, squared)


def ten(*, count: int, cheap_task: str = "easy"):
    return [
        (asked(cheap, strong, count=count), "cheap" if task == cheap_task else "strong") for task, cheap, strong in TEN
    ]


def test_ten_rows_by_hand():
    # 1,000 questions. Always cheap: 600 right for $1; always strong: 900 for $10. Easy ones cheaply: 400 and 400 right for
    # 500 * $0.001 + 500 * $0.01 = $5.50, so the coin falls on strong with (5.5 - 1) / (10 - 1) = 0.5: 0.6 + 0.5 * 0.3.
    coin = compare_with_coin(ten(count=100), prices=PRICES)
    assert coin.strong_probability == pytest.approx(0.5)
    assert coin.coin_accuracy_ratio == pytest.approx(0.75)
    assert coin.difference_ratio == pytest.approx(0.05)
    assert coin.differing_count == 500
    # Right less the coin's, and less what the coin would gain by the cost: 0.3 points a mean extra cost, so 0.15 a question.
    # Easy: 400 at 0 + 0.15, 100 at -0.5 + 0.15. Hard: 100 at 0 - 0.15, 300 at 0.5 - 0.15, 100 at -0.5 - 0.15. Squares about
    # 0.05: 400 * 0.01 + 100 * 0.16 + 100 * 0.04 + 300 * 0.09 + 100 * 0.49 = 100. Error: sqrt(100 / 999 / 1000) = 0.010005.
    assert coin.low_ratio == pytest.approx(0.05 - 1.959964 * 0.010005, abs=1e-7)
    assert coin.high_ratio == pytest.approx(0.05 + 1.959964 * 0.010005, abs=1e-7)
    assert coin.finding == "better"


def test_the_other_way_round_a_coin_is_better():
    # Easy ones on the strong model, hard ones cheaply: 500 + 200 right for the same $5.50.
    coin = compare_with_coin(ten(count=100, cheap_task="hard"), prices=PRICES)
    assert (coin.difference_ratio, coin.finding) == (pytest.approx(-0.05), "no_better")


@pytest.mark.parametrize(
    ("count", "finding"),
    [
        # Five of ten rows differ: 25 and 30 questions. 0.05 is beyond 1.96 errors of sqrt(0.1 / (n - 1)) from n = 155 on.
        (5, "too_few"),
        (6, "within_noise"),
        (15, "within_noise"),
        (16, "better"),
    ],
)
def test_noise_and_too_few(count, finding):
    assert compare_with_coin(ten(count=count), prices=PRICES).finding == finding


@pytest.mark.parametrize(("differing", "finding"), [(29, "too_few"), (30, "better")])
def test_thirty_questions_must_differ(differing, finding):
    routed = [(asked(False, True, count=differing), "strong"), (asked(True, True, count=100), "cheap")]
    assert compare_with_coin(routed, prices=PRICES).finding == finding


@pytest.mark.parametrize("route", ["cheap", "strong"])
def test_always_the_same_model_is_no_better_than_a_coin_that_always_falls_the_same_way(route):
    coin = compare_with_coin([(each, route) for each, _ in ten(count=100)], prices=PRICES)
    assert coin.difference_ratio == pytest.approx(0, abs=1e-15)
    assert (coin.strong_probability, coin.finding) == (pytest.approx(float(route == "strong")), "no_better")


def test_a_route_that_tosses_a_coin_itself_is_no_better():
    routed = [(each, route) for each, _ in ten(count=100) for route in ("cheap", "strong")]
    assert compare_with_coin(routed, prices=PRICES).finding == "no_better"


def test_asking_both_costs_both_and_more_than_always_strong_is_held_against_always_strong():
    # All asked twice: $11 for what always strong does at $10.
    routed = [(each, "cheap_then_strong") for each, _ in ten(count=100)]
    assert try_routes(routed, prices=PRICES).cost_usd == pytest.approx(11.0)
    coin = compare_with_coin(routed, prices=PRICES)
    assert (coin.strong_probability, coin.coin_accuracy_ratio) == (1.0, pytest.approx(0.9))
    assert (coin.difference_ratio, coin.finding) == (pytest.approx(0), "no_better")


def test_escalating_right_beats_the_coin_in_spite_of_the_double_cost():
    # Only where the cheap one is wrong: 1,000 right for $1 + 400 * $0.01 = $5; the coin: 4/9, 0.6 + 0.4444 * 0.3.
    routed = [(each, "cheap" if each.is_cheap_right else "cheap_then_strong") for each, _ in ten(count=100)]
    coin = compare_with_coin(routed, prices=PRICES)
    assert coin.coin_accuracy_ratio == pytest.approx(0.6 + 0.3 * 4 / 9)
    assert coin.finding == "better"


def test_a_coin_needs_two_questions_and_a_dearer_model():
    with pytest.raises(ValueError, match="two questions"):
        compare_with_coin([(asked(True, True), "cheap")], prices=PRICES)
    with pytest.raises(ValueError, match="costs more"):
        compare_with_coin(ten(count=1), prices=Prices(PRICES.cheap, PRICES.cheap))


def test_a_few_long_questions_on_the_strong_model_widen_the_interval():
    even = ten(count=100)
    uneven = [
        (asked(each.is_cheap_right, each.is_strong_right, count=100, tokens_each=[100, 1900][number % 2]), route)
        for number, (each, route) in enumerate(even)
    ]
    widths = [
        coin.high_ratio - coin.low_ratio for coin in (compare_with_coin(each, prices=PRICES) for each in (even, uneven))
    ]
    assert widths[1] > widths[0]


def test_questions_in_rows_with_their_squares_have_the_interval_that_they_have_one_by_one():
    """In rows as if equally long 4 to 28 % of policies by chance were recommended, and so 3 %: BENCH=coin_rule."""
    single = by_chance(random.Random(3), sigma=1.5, count=400)
    one, rows = (
        compare_with_coin(routed, prices=SIMULATED_PRICES) for routed in (single, in_rows(single, squares=squared))
    )
    assert (rows.low_ratio, rows.high_ratio) == (pytest.approx(one.low_ratio), pytest.approx(one.high_ratio))
    too_narrow = compare_with_coin(in_rows(single, squares=equal), prices=SIMULATED_PRICES)
    assert too_narrow.low_ratio > one.low_ratio + 0.005


def without_squares(routed):
    return [(replace(each, squared_input_tokens=None), route) for each, route in routed]


def test_without_the_squares_of_a_rows_lengths_nothing_is_better():
    known, unknown = (
        compare_with_coin(each, prices=PRICES) for each in (ten(count=16), without_squares(ten(count=16)))
    )
    assert (known.finding, unknown.finding) == ("better", "unknown_spread")
    assert compare_with_coin(without_squares(ten(count=15)), prices=PRICES).finding == "within_noise"
    # Rows of one question have the length that they have.
    single = [row for row in ten(count=1) for _ in range(16)]
    assert compare_with_coin(without_squares(single), prices=PRICES).finding == "better"


def test_the_lengths_of_a_row_are_nothing_where_the_coins_probability_does_not_move():
    # Escalating costs more than always strong: the probability is held at 1. 40 are right that the strong one is not.
    routed = [(asked(False, True, count=460), "cheap_then_strong"), (asked(True, False, count=40), "cheap")]
    assert compare_with_coin(routed, prices=PRICES).strong_probability == 1.0
    assert compare_with_coin(without_squares(routed), prices=PRICES).finding == "better"


@pytest.mark.parametrize(
    ("both", "finding"), [(49, "dominated"), (50, "dominated"), (51, "within_noise"), (150, "better")]
)
def test_a_route_that_always_cheap_dominates_is_refused(both, finding):
    # The cheap one is right on 450 of 900 and more and the strong one on fewer, so a coin of the route's cost falls below
    # always cheap. The route wins `both` on the strong model, and loses 50.
    routed = [
        (asked(True, False, count=400), "cheap"),
        (asked(True, False, count=50), "strong"),
        (asked(False, True, count=both), "strong"),
        (asked(False, False, count=400), "cheap"),
    ]
    coin = compare_with_coin(routed, prices=PRICES)
    assert coin.difference_ratio > 0 and coin.coin_accuracy_ratio < 450 / (850 + both)
    assert (coin.finding, coin.dominated_by) == (finding, "cheap" if finding == "dominated" else None)


def test_a_route_that_always_strong_dominates():
    # As right as always strong, and every question is paid twice.
    routed = [(each, "cheap_then_strong") for each, _ in ten(count=100)]
    coin = compare_with_coin(routed, prices=PRICES)
    assert (coin.dominated_by, coin.finding) == ("strong", "no_better")
