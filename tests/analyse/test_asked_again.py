"""Repeats of one asker within minutes: by hand, both sides of the window and of the similarity."""

import numpy as np
import pytest

from ai_finops.analyse.asked_again import asked_again

X, Y = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
CLOSE = np.array([0.8, 0.6], np.float32)


def again(rows, *, window=300, similarity=0.8):
    """Rows of (asker, key, vector, second)."""
    askers, keys, vectors, at = zip(*rows, strict=True)
    spaces = [None if vector is None else len(vector) for vector in vectors]
    return asked_again(
        askers, np.array(keys), vectors.__getitem__, spaces, np.array(at), window=window, similarity=similarity
    )


def test_the_same_text_of_the_same_asker():
    assert again([("a", 1, None, 0), ("b", 1, None, 1), ("a", 1, None, 2), ("a", 2, None, 3)]) == [
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("second", "is_again"), [(300, True), (301, False)])
def test_within_the_window_its_end_included(second, is_again):
    assert again([("a", 1, None, 0), ("a", 1, None, second)]) == [False, is_again]


def test_an_earlier_one_behind_another_counts_too():
    assert again([("a", 1, None, 0), ("a", 2, None, 1), ("a", 1, None, 2)]) == [False, False, True]


@pytest.mark.parametrize(("similarity", "is_again"), [(float(CLOSE[0]), True), (float(CLOSE[0]) + 1e-6, False)])
def test_other_words_from_the_similarity_on(similarity, is_again):
    assert again([("a", 1, X, 0), ("a", 2, CLOSE, 1)], similarity=similarity) == [False, is_again]


def test_other_words_that_are_not_alike_or_of_another_space_or_without_a_vector():
    assert again([("a", 1, X, 0), ("a", 2, Y, 1)]) == [False, False]
    assert again([("a", 1, X, 0), ("a", 2, np.array([1, 0, 0], np.float32), 1)]) == [False, False]
    assert again([("a", 1, X, 0), ("a", 2, None, 1)]) == [False, False]
    two_spaces = asked_again(
        ["a", "a"], np.array([1, 2]), [X, X].__getitem__, ["one", "other"], np.array([0, 1]), window=9, similarity=0.5
    )
    assert two_spaces == [False, False]


def test_of_an_unknown_asker_nothing_is_known():
    assert again([(None, 1, None, 0), (None, 1, None, 1)]) == [None, None]
