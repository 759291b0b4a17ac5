"""What earlier prompts had in common with a prompt, by hand and on a recorded hour."""

import pytest

from ai_finops.analyse.prompt_prefixes import reusable_block_counts


def counts(prompts, at, scopes=None, lifetimes=(10,)):
    scopes = scopes or ["m"] * len(prompts)
    return reusable_block_counts(prompts, at, scopes, lifetimes=lifetimes).tolist()


def test_the_first_blocks_that_an_earlier_prompt_had():
    assert counts([[1, 2, 3], [1, 2, 4], [1, 5], [7, 2]], [0, 1, 2, 3]) == [[0], [2], [1], [0]]


def test_a_gap_ends_what_can_be_read():
    assert counts([[1, 2, 3], [1, 9, 3]], [0, 1]) == [[0], [1]]


def test_a_block_is_held_for_its_lifetime_and_no_longer():
    assert counts([[1], [1]], [0, 10]) == [[0], [1]]
    assert counts([[1], [1]], [0, 11]) == [[0], [0]]


def test_reading_a_block_holds_it_again():
    assert counts([[1, 2], [1], [1, 2]], [0, 8, 16]) == [[0], [1], [1]]


def test_each_lifetime_is_counted_for_itself():
    assert counts([[1], [1], [1]], [0, 20, 25], lifetimes=(10, 30)) == [[0, 0], [0, 1], [1, 1]]


def test_scopes_share_nothing():
    assert counts([[1], [1], [1]], [0, 1, 2], ["a", "b", "a"]) == [[0], [0], [1]]


def test_of_one_instant_the_first_is_earlier():
    assert counts([[1], [1]], [5, 5]) == [[0], [1]]


def test_no_prompts_and_empty_ones():
    assert counts([], []) == [] and counts([[], []], [0, 0]) == [[0], [0]]


def test_times_must_ascend():
    with pytest.raises(ValueError, match="sort the prompts first"):
        counts([[1], [1]], [1, 0])
