"""Statistic sets by hand, and which values of a call are counted."""

import math

import pytest

from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics.names import METRICS
from ai_finops.instrument.metrics.statistic_sets import MinuteSets
from ai_finops.instrument.metrics.values import values_of
from tests.instrument.metrics.made import MINUTE, call


def known(sets: MinuteSets) -> dict[str, tuple]:
    return {metric.name: (each.count, each.total, each.least, each.most) for metric, each in sets.known()}


def test_three_calls_by_hand():
    sets = MinuteSets(("search", "m"), MINUTE)
    sets.add(values_of(call(input_tokens=100, output_tokens=20, cost_usd=0.25, latency_ms=1_500)))
    sets.add(values_of(call(input_tokens=300, output_tokens=0, cost_usd=0.5, latency_ms=500)))
    sets.add(values_of(call(input_tokens=200, output_tokens=40, cost_usd=0.125, latency_ms=2_500)))
    assert known(sets) == {
        "InputTokens": (3, 600, 100, 300),
        "OutputTokens": (3, 60, 0, 40),
        "LatencyMs": (3, 4_500.0, 500.0, 2_500.0),
        "EstimatedCostUSD": (3, 0.875, 0.125, 0.5),
    }
    assert sets.value_count == 12


def test_what_is_not_known_is_no_zero():
    sets = MinuteSets(("search", "m"), MINUTE)
    sets.add(values_of(call(input_tokens=None, output_tokens=None, cost_usd=None, latency_ms=1)))
    sets.add(values_of(call(input_tokens=7, output_tokens=None, cost_usd=None, latency_ms=3)))
    assert known(sets) == {"InputTokens": (1, 7, 7, 7), "LatencyMs": (2, 4.0, 1.0, 3.0)}
    assert losses() == {}


def test_a_zero_that_is_said_is_counted():
    sets = MinuteSets(("search", "m"), MINUTE)
    sets.add(values_of(call(input_tokens=0, output_tokens=0, cost_usd=0.0, latency_ms=0)))
    assert known(sets) == {metric.name: (1, 0, 0, 0) for metric in METRICS}


def test_a_failed_call_has_its_latency_and_the_tokens_that_are_known():
    failed = call(input_tokens=100, output_tokens=None, cost_usd=None, latency_ms=30_000, error_type="TimeoutError")
    assert values_of(failed) == (30_000_000_000, 100, None, None)


@pytest.mark.parametrize("wrong", [-1, -0.001, math.nan, math.inf, 2.0**361, 10**400, "12", [1]])
def test_what_is_no_number_is_lost_alone(wrong):
    assert values_of(call(input_tokens=wrong))[1:] == (None, 20, 0.25)
    assert values_of(call(output_tokens=wrong))[1:] == (100, None, 0.25)
    assert values_of(call(cost_usd=wrong))[1:] == (100, 20, None)
    assert losses() == {"metric_value_refused": 3}


def test_the_largest_value_is_counted():
    assert values_of(call(input_tokens=2**360, cost_usd=2.0**360))[1:] == (2**360, 20, 2.0**360)
    assert losses() == {}


def test_two_sets_become_one():
    first, second = MinuteSets(("search", "m"), MINUTE), MinuteSets(("search", "m"), MINUTE)
    first.add(values_of(call(cost_usd=0.125)))
    first.add(values_of(call(cost_usd=2.0)))
    second.add(values_of(call(cost_usd=0.25)))
    second.add(values_of(call(cost_usd=1.0)))
    first.add_up()
    second.add_up()
    first.cost_usd.merge(second.cost_usd)
    assert known(first)["EstimatedCostUSD"] == (4, 3.375, 0.125, 2.0)
    second.cost_usd.merge(first.cost_usd)
    assert known(second)["EstimatedCostUSD"] == (6, 4.625, 0.125, 2.0)


@pytest.mark.parametrize("count", [1, 127, 128, 129, 1_000])
def test_however_many_wait_all_are_counted(count):
    sets = MinuteSets(("search", "m"), MINUTE)
    for number in range(count):
        sets.add(values_of(call(input_tokens=number, output_tokens=None if number % 2 else number, cost_usd=None)))
    assert known(sets)["InputTokens"] == (count, count * (count - 1) / 2, 0, count - 1)
    even = (count + 1) // 2
    assert known(sets)["OutputTokens"] == (even, even * (even - 1), 0, 2 * (even - 1))
    assert "EstimatedCostUSD" not in known(sets)
    assert sets.value_count == 2 * count + even
