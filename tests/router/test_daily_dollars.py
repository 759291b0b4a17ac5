"""Dollars of a day: never more than there are, by any number of threads, under any clock."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.router.daily_dollars import MOST_DAYS, SECONDS_PER_DAY, DailyDollars


class Clock:
    def __init__(self) -> None:
        self.day = 20_000.5

    def __call__(self) -> float:
        return self.day * SECONDS_PER_DAY


def test_what_is_reserved_is_not_there_for_others_until_it_is_settled():
    dollars = DailyDollars(1.0, clock=Clock())
    first = dollars.reserve(0.6)
    assert dollars.reserve(0.400001) is None
    second = dollars.reserve(0.4)
    assert dollars.spent_usd() == pytest.approx(1.0)
    dollars.settle(first, usd=0.1)
    dollars.settle(second, usd=None)  # not known: it stays at the most
    assert dollars.spent_usd() == pytest.approx(0.5)
    assert dollars.reserve(0.5) is not None and dollars.reserve(0.000001) is None


def test_ten_tenths_are_a_dollar():
    dollars = DailyDollars(1.0, clock=Clock())
    assert [dollars.reserve(0.1) is not None for _ in range(11)] == [True] * 10 + [False]


def test_a_usage_that_came_to_more_counts_in_full():
    dollars = DailyDollars(1.0, clock=Clock())
    dollars.settle(dollars.reserve(0.1), usd=1.5)
    assert dollars.spent_usd() == pytest.approx(1.5) and dollars.reserve(0.0000001) is None


def test_a_part_of_a_micro_dollar_counts_as_one():
    dollars = DailyDollars(0.000002, clock=Clock())
    assert [dollars.reserve(0.0000004) is not None for _ in range(3)] == [True, True, False]


def test_no_dollars_take_what_costs_nothing_alone():
    dollars = DailyDollars(0.0, clock=Clock())
    assert dollars.reserve(0.0) is not None and dollars.reserve(0.000001) is None


def test_the_next_utc_day_has_its_own_and_a_late_settlement_counts_on_its_day():
    clock = Clock()
    dollars = DailyDollars(1.0, clock=clock)
    late = dollars.reserve(1.0)
    clock.day = 20_001.0 - 1e-9
    assert dollars.reserve(0.01) is None
    clock.day = 20_001.0
    assert dollars.reserve(1.0) is not None
    dollars.settle(late, usd=0.0)
    assert dollars.spent_usd() == pytest.approx(1.0)
    clock.day = 20_000.5
    assert dollars.spent_usd() == 0.0


def test_a_clock_that_jumps_and_comes_back_finds_what_was_spent():
    clock = Clock()
    dollars = DailyDollars(1.0, clock=clock)
    dollars.reserve(1.0)
    for day in (40_000.0, 19_999.0, 0.0):
        clock.day = day
        assert dollars.reserve(0.25) is not None
        clock.day = 20_000.5
        assert dollars.reserve(0.01) is None


def test_a_clock_that_keeps_jumping_finds_no_end_of_dollars_and_fills_no_memory():
    clock = Clock()
    dollars = DailyDollars(1.0, clock=clock)
    for day in range(20_000, 20_000 + 3 * MOST_DAYS):
        clock.day = day
        assert dollars.reserve(1.0) is not None
    assert len(dollars._spent) == MOST_DAYS
    for day in range(20_000, 20_000 + 3 * MOST_DAYS):  # over again: forgotten days are no new ones
        clock.day = day
        assert dollars.reserve(0.01) is None


class Slow(dict):
    """Lets other threads in between a look and what follows from it."""

    def get(self, key, default=None):
        found = super().get(key, default)
        time.sleep(0)
        return found


def test_threads_together_spend_no_more_than_there_is():
    dollars = DailyDollars(1.0, clock=Clock())
    dollars._spent = Slow()
    start, taken = threading.Barrier(16), []

    def spend() -> None:
        start.wait()
        for _ in range(100):
            reservation = dollars.reserve(0.01)
            if reservation is not None:
                taken.append(reservation)

    threads = [threading.Thread(target=spend) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 100


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 1)), max_size=40))
def test_as_long_as_nothing_costs_more_than_was_reserved_the_day_stays_within_its_dollars(requests):
    dollars = DailyDollars(1.0, clock=Clock())
    for most, part in requests:
        reservation = dollars.reserve(most)
        if reservation is not None:
            dollars.settle(reservation, usd=most * part)
        assert 0 <= dollars.spent_usd() <= 1.0
