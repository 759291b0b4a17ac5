"""Verdicts: both sides of a threshold, and what a judge or an embedder may not say."""

from __future__ import annotations

import pytest

from ai_finops.router.comparing import Judgement, by_embedding, by_exact_match, by_judge, can_compare


@pytest.mark.parametrize(("score", "is_right"), [(0.9, True), (0.8999, False), (1, True), (0, False)])
def test_a_score_agrees_from_the_threshold_on(score, is_right):
    assert by_judge(score, least_score=0.9) == (True, is_right, "judge", float(score))


@pytest.mark.parametrize("said", [True, False])
def test_yes_and_no(said):
    assert by_judge(said, least_score=0.9) == (True, said, "judge", None)


def test_a_judgement_marks_both():
    assert by_judge(Judgement(False, True, 0.4), least_score=0.9) == (False, True, "judge", 0.4)


@pytest.mark.parametrize("said", [None, "yes", -0.01, 1.01, float("nan"), Judgement(True, True, 2.0)])
def test_anything_else_is_no_judgement(said):
    with pytest.raises(ValueError, match="a judge says true, false or a score of 0 to 1"):
        by_judge(said, least_score=0.9)


@pytest.mark.parametrize(("least", "is_right"), [(0.6, True), (0.61, False)])
def test_cosine_by_hand(least, is_right):
    # (1, 0) and (3, 4): 3 / 5.
    assert by_embedding([(1, 0), (3, 4)], least_score=least) == (True, is_right, "embedding", 0.6)


def test_opposite_answers_score_below_zero():
    assert by_embedding([(1, 0), (-1, 0)], least_score=0.5).score == -1.0


@pytest.mark.parametrize("vectors", [[(0, 0), (1, 0)], [(float("inf"), 0), (1, 0)], [(1,), (1, 2)], [(1, 2)], []])
def test_vectors_that_say_nothing(vectors):
    with pytest.raises(ValueError, match=r"direction|zip|unpack"):
        by_embedding(vectors, least_score=0.5)


def test_exact():
    assert by_exact_match("Oslo", "oslo") == (True, True, "exact", 1.0)
    assert by_exact_match("Oslo", "Bergen") == (True, False, "exact", 0.0)


def test_only_an_exact_match_needs_data_or_a_label():
    prose = "It is Oslo, as far as anybody knows."
    assert [can_compare(method, prose) for method in ("exact", "judge", "embedding")] == [False, True, True]
    assert not any(can_compare(method, " \n") for method in ("exact", "judge", "embedding"))
