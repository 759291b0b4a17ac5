"""The page's bench ends with a failure where a goal is missed."""

from __future__ import annotations

import pytest

from tests.benchmarks.page import ANY_GOAL_S, FIRST_GOAL_S, Seen, missed


def opened(*seconds):
    return [Seen(load_s, 1) for load_s in seconds]


def test_the_goals_are_those_of_the_page():
    assert (FIRST_GOAL_S, ANY_GOAL_S) == (1.0, 2.0)


@pytest.mark.parametrize(("median_s", "is_missed"), [(2.0, False), (2.01, True)])
def test_a_goal_is_missed_by_the_median(median_s, is_missed):
    seen = {"weekly": opened(0.1, median_s, 9.0), "health": opened(0.1)}
    told = missed(seen, goal_s=2.0)
    assert told == ([f"MISSED: weekly took {median_s:.2f} s, its goal is 2 s"] if is_missed else [])
