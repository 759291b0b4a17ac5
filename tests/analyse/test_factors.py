"""The Shapley split by hand and against an average over all orders, written the long way."""

from fractions import Fraction
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse.factors import FACTORS, Usage, model_terms, round_to_sum, split_change

DOLLAR = 1_000_000


def split(before, after):
    """Split two weeks given as {model: (calls, tokens, dollars)}; dollars by factor."""
    weeks = [{model: Usage(c, t, round(d * DOLLAR)) for model, (c, t, d) in week.items()} for week in (before, after)]
    return {factor: micros / DOLLAR for factor, micros in split_change(*weeks).items()}


def test_more_calls_alike_are_volume():
    assert split({"a": (100, 1000, 10)}, {"a": (150, 1500, 15)}) == {
        "volume": 5.0,
        "model_mix": 0.0,
        "tokens_per_call": 0.0,
        "cost_per_token": 0.0,
    }


def test_tokens_and_price_share_their_product():
    # 1,000 tokens at 1 cent, then 2,000 at 1.5 cents.
    # Tokens: 1000 * (0.01 + 0.015) / 2 = 12.5; price: 0.005 * (1000 + 2000) / 2 = 7.5.
    assert split({"a": (10, 1000, 10)}, {"a": (10, 2000, 30)}) == {
        "volume": 0.0,
        "model_mix": 0.0,
        "tokens_per_call": 12.5,
        "cost_per_token": 7.5,
    }


def test_moving_calls_to_a_cheaper_model_is_mix():
    # 100 calls at 10 cents; then 50 of them at 1 cent on a model that was not used before.
    assert split({"dear": (100, 1000, 10)}, {"dear": (50, 500, 5), "cheap": (50, 800, 0.5)}) == {
        "volume": 0.0,
        "model_mix": -4.5,
        "tokens_per_call": 0.0,
        "cost_per_token": 0.0,
    }


def test_a_model_that_bills_no_tokens_is_counted_by_call():
    # Rerank: 100 searches for $0.20, then 100 for $0.30: the price of a call rose.
    assert split({"rerank": (100, 0, 0.2)}, {"rerank": (100, 0, 0.3)})["cost_per_token"] == 0.1
    both = model_terms(Usage(100, 0, 200_000), Usage(100, 0, 300_000), calls=(100, 100))
    assert [week.is_by_token for week in both] == [False, False]


def test_tokens_in_only_one_week_fall_back_to_calls():
    assert split({"a": (10, 0, 1)}, {"a": (10, 500, 2)}) == {
        "volume": 0.0,
        "model_mix": 0.0,
        "tokens_per_call": 0.0,
        "cost_per_token": 1.0,
    }


def test_the_largest_part_takes_the_remainder():
    assert round_to_sum({"a": Fraction(1, 3), "b": Fraction(7, 3), "c": Fraction(1, 3)}, total=3) == {
        "a": 0,
        "b": 3,
        "c": 0,
    }
    assert round_to_sum({"a": Fraction(-7, 3), "b": Fraction(1, 3)}, total=-2) == {"a": -2, "b": 0}
    assert round_to_sum({"a": Fraction(3, 2), "b": Fraction(3, 2)}, total=3) == {"a": 1, "b": 2}


def over_all_orders(before, after):
    """Average each factor's effect over the 24 orders of change, one order at a time."""
    calls = [sum(usage.call_count for usage in week.values()) for week in (before, after)]
    terms = [model_terms(before.get(m), after.get(m), calls=tuple(calls)) for m in before.keys() | after.keys()]

    def cost(state):
        v, m, t, p = (state[factor] for factor in FACTORS)
        return sum((calls[v] * b[m].share * b[t].units_per_call * b[p].micros_per_unit for b in terms), Fraction(0))

    effects = dict.fromkeys(FACTORS, Fraction(0))
    for order in permutations(FACTORS):
        state = dict.fromkeys(FACTORS, 0)
        for factor in order:
            earlier = cost(state)
            state[factor] = 1
            effects[factor] += cost(state) - earlier
    return {factor: effect / 24 for factor, effect in effects.items()}


usage = st.builds(Usage, st.integers(1, 10_000), st.integers(0, 10**7), st.integers(-(10**6), 10**9))
week = st.dictionaries(st.sampled_from(["haiku", "nova", "sonnet", "titan"]), usage, min_size=1)


@settings(max_examples=200, deadline=None)
@given(week, week)
def test_any_change_is_split_exactly_and_as_over_all_orders(before, after):
    parts = split_change(before, after)
    change = sum(u.cost_micros for u in after.values()) - sum(u.cost_micros for u in before.values())
    assert sum(parts.values()) == change
    # Rounding moves a part by half a micro-dollar, the one that takes the remainder by at most two.
    assert all(abs(parts[factor] - exact) <= 2 for factor, exact in over_all_orders(before, after).items())
