"""Earlier neighbours are those that a product of all pairs would find, whatever is left out on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse import neighbours
from ai_finops.analyse.neighbours import levels_against, repeats, similarity_levels

THRESHOLDS = (0.85, 0.9, 0.92, 0.95, 0.98)
DAY = 86_400


def levels_by_all_pairs(vectors, asked_at, *, thresholds=THRESHOLDS, window=DAY):
    """Multiply every query with every earlier one within the window."""
    found = []
    for row, (vector, at) in enumerate(zip(vectors.astype(np.float64), asked_at, strict=True)):
        earlier = [vectors[other].astype(np.float64) @ vector for other in range(row) if at - asked_at[other] <= window]
        found.append(sum(max(earlier, default=-1) >= threshold for threshold in thresholds))
    return found


def rows(*coordinates):
    vectors = np.array(coordinates, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=vectors, where=lengths > 0).astype(np.float32)


def own_keys(vectors):
    """A key for each distinct row; of rows without a word, one each."""
    keys = np.unique(vectors, axis=0, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return np.where(vectors.any(axis=1), keys, -1 - np.arange(len(keys)))


def levels(vectors, asked_at, *, thresholds=THRESHOLDS, window=DAY):
    asked_at = np.array(asked_at, dtype=np.int64)
    return similarity_levels(vectors, own_keys(vectors), asked_at, thresholds=thresholds, window=window).tolist()


def test_a_query_counts_the_thresholds_that_an_earlier_one_reaches():
    # Against the first, at cosines of 0.6, 0.8 and 0; the third is 0.96 to the second.
    vectors = rows([1, 0, 0], [3, 4, 0], [4, 3, 0], [0, 0, 1])
    assert levels(vectors, [0, 1, 2, 3], thresholds=(0.5, 0.7, 0.9)) == [0, 1, 3, 0]


def test_a_product_that_equals_a_threshold_reaches_it():
    vectors = rows([1, 0], [3, 4])
    cosine = float(vectors[1, 0].astype(np.float64))
    assert levels(vectors, [0, 1], thresholds=(cosine,)) == [0, 1]
    assert levels(vectors, [0, 1], thresholds=(np.nextafter(cosine, 1),)) == [0, 0]


@pytest.mark.parametrize("asked_first", [0, 1, 2, 3])
def test_those_before_the_first_that_is_asked_about_are_only_held_against(asked_first):
    vectors, at = rows([1, 0], [1, 0.01], [1, 0]), np.arange(3)
    found = similarity_levels(
        vectors, own_keys(vectors), at, thresholds=THRESHOLDS, window=DAY, asked_first=asked_first
    )
    assert found.tolist() == [0] * asked_first + [0, 5, 5][asked_first:]


def test_the_window_is_exact_and_crosses_midnight():
    vectors = rows([1, 0], [1, 0.01])
    assert levels(vectors, [0, DAY]) == [0, 5]
    assert levels(vectors, [0, DAY + 1]) == [0, 0]
    assert levels(vectors, [DAY - 1, DAY]) == [0, 5]


def test_of_two_at_one_instant_the_one_that_stands_first_is_the_earlier():
    assert levels(rows([1, 0], [1, 0.01]), [7, 7]) == [0, 5]


def test_a_repeat_reaches_every_threshold_within_the_window_and_none_beyond():
    vectors = rows([1, 0], [1, 0], [1, 0])
    assert levels(vectors, [0, DAY, 2 * DAY + 1]) == [0, 5, 0]
    keys, asked_at = np.array([4, 9, 4, 4]), np.array([0, 1, DAY, 2 * DAY + 1])
    assert repeats(keys, asked_at, window=DAY).tolist() == [False, False, True, False]


def test_a_text_that_was_asked_before_and_after_counts_only_before():
    # Row 2 repeats row 0 after row 1 was asked; row 1 has row 0 alone, too long ago.
    assert levels(rows([1, 0], [1, 0.01], [1, 0]), [0, DAY + 1, DAY + 2]) == [0, 0, 5]


def test_a_text_without_a_known_word_is_like_nothing():
    assert levels(rows([0, 0], [0, 0], [1, 0]), [0, 1, 2]) == [0, 0, 0]


def test_no_queries_have_no_neighbours():
    assert levels(np.zeros((0, 8), dtype=np.float32), []) == []


@settings(deadline=None)
@given(st.data())
def test_levels_are_those_of_all_pairs(data):
    count = data.draw(st.integers(1, 40))
    near = st.integers(-3, 3)
    points = data.draw(st.lists(st.lists(near, min_size=4, max_size=4), min_size=count, max_size=count))
    steps = data.draw(st.lists(st.sampled_from([0, 1, DAY // 7, DAY // 2, DAY]), min_size=count, max_size=count))
    vectors, asked_at = rows(*points), np.cumsum(steps)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("_QUERIES", 4), ("_EARLIER", 8), ("_AXES", 2), ("_PAIRS", 3)):
            patched.setattr(neighbours, name, value)
        assert levels(vectors, asked_at) == levels_by_all_pairs(vectors, asked_at)


def test_levels_of_many_are_those_of_all_pairs():
    dice = np.random.default_rng(5)
    noise = dice.choice([0.1, 0.3, 0.4, 0.5], size=(2000, 1)) * dice.normal(size=(2000, 96))
    points = dice.normal(size=(60, 96))[dice.integers(0, 60, 2000)] + noise
    points[::50] = points[7]
    vectors, asked_at = rows(*points), np.sort(dice.integers(0, 3 * DAY, 2000))
    found = levels(vectors, asked_at)
    assert found == levels_by_all_pairs(vectors, asked_at)
    assert min(np.bincount(found, minlength=6)) > 10  # every level is there


def test_what_cannot_be_searched_is_refused():
    vectors = rows([1, 0], [0, 1])
    with pytest.raises(ValueError, match="sort the queries first"):
        levels(vectors, [1, 0])
    with pytest.raises(ValueError, match="2 queries and 1 times"):
        levels(vectors, [1])
    with pytest.raises(ValueError, match="thresholds do not ascend"):
        levels(vectors, [0, 1], thresholds=(0.9, 0.9))
    with pytest.raises(ValueError, match="normalise the embeddings first"):
        levels(2 * vectors, [0, 1])


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_queries_against_others_reach_what_all_products_do(other_count, count, seed):
    random = np.random.default_rng(seed)
    vectors = rows(*random.choice([-1.0, 0.0, 1.0, 2.0], (other_count + count + 1, 4)))[1:]
    others, asked = vectors[:other_count], vectors[other_count:]
    products = others.astype(np.float64) @ asked.astype(np.float64).T
    best = products.max(axis=0) if other_count else np.full(count, -1)
    expected = [sum(product >= threshold for threshold in THRESHOLDS) for product in best]
    assert levels_against(others, asked, thresholds=THRESHOLDS).tolist() == expected


def test_others_are_found_over_more_than_a_block(monkeypatch):
    monkeypatch.setattr(neighbours, "_QUERIES", 2)
    monkeypatch.setattr(neighbours, "_EARLIER", 3)
    others = np.eye(8, dtype=np.float32)
    assert levels_against(others, others[[7, 0, 3]], thresholds=(0.9,)).tolist() == [1, 1, 1]
    assert levels_against(others[:4], others[4:], thresholds=(0.9,)).tolist() == [0, 0, 0, 0]
