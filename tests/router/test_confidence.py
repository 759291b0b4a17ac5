"""Where confidence comes from, worked by hand."""

from __future__ import annotations

from math import inf, log, nan

import pytest

from ai_finops.router.answer import Answer
from ai_finops.router.confidence import is_enough, of_answer, of_logprobs, of_self_assessment, of_verdict
from ai_finops.router.policy import ConfidenceStrategy

CHECK = ConfidenceStrategy("self_assessment", 0.8, "cheap", {"cheap": "expensive"})


def test_mean_is_the_geometric_mean_of_probabilities():
    assert of_logprobs([log(0.9), log(0.4)]) == pytest.approx(0.6)  # √0.36


def test_a_long_answer_is_not_less_confident_for_being_long():
    assert of_logprobs([log(0.9)] * 1000) == pytest.approx(0.9)


def test_min_is_the_least_likely_token():
    assert of_logprobs([log(0.9), log(0.4), log(0.99)], statistic="min") == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("logprobs", "expected"),
    [(None, None), ([], None), ([nan], None), ([log(0.5), nan], None), ([-inf], 0.0), ([0.0], 1.0), ([0.001], 1.0)],
)
def test_what_is_no_probability(logprobs, expected):
    assert of_logprobs(logprobs) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"label": "spam", "confidence": 0.7}', 0.7),
        ('```json\n{"confidence": 1}\n```', 1.0),
        ('{"confidence": 0}', 0.0),
        ('{"confidence": 85}', None),
        ('{"confidence": -0.1}', None),
        ('{"confidence": true}', None),
        ('{"confidence": "0.7"}', None),
        ('{"confidence": NaN}', None),
        ('{"sure": 0.7}', None),
        ("[0.7]", None),
        ("0.7", None),
        ("I am sure.", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_self_assessment_is_a_ratio_in_a_json_object(text, expected):
    assert of_self_assessment(Answer(text), answer_field="confidence") == expected


def test_structured_output_comes_before_text():
    answer = Answer('{"confidence": 0.1}', structured={"confidence": 0.9})
    assert of_self_assessment(answer, answer_field="confidence") == 0.9


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [(True, 1.0), (False, 0.0), (0.25, 0.25), (1, 1.0), (None, None), ("yes", None), (2, None), (nan, None)],
)
def test_verdicts(verdict, expected):
    assert of_verdict(verdict) == expected


@pytest.mark.parametrize(("confidence", "expected"), [(0.79, False), (0.8, True), (0.81, True), (None, False)])
def test_the_threshold_itself_is_enough(confidence, expected):
    assert is_enough(confidence, CHECK) is expected


def test_what_cannot_be_told_is_enough_where_the_policy_says_so():
    check = ConfidenceStrategy("verifier", 0.8, "cheap", {"cheap": "expensive"}, is_missing_enough=True)
    assert is_enough(None, check)


def test_the_source_decides_what_is_read():
    answer = Answer('{"confidence": 0.3}', token_logprobs=[log(0.9), log(0.5)])
    assert of_answer(answer, CHECK) == 0.3
    mean = ConfidenceStrategy("logprobs", 0.8, "cheap", {})
    assert of_answer(answer, mean) == pytest.approx(0.45**0.5)
    least = ConfidenceStrategy("logprobs", 0.8, "cheap", {}, statistic="min")
    assert of_answer(answer, least) == pytest.approx(0.5)
