"""Where confidence comes from, worked by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf, log, nan

import numpy as np
import pytest

from ai_finops.instrument.losses import forget_losses, losses
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
    [
        (None, None),
        ([], None),
        ([nan], None),
        ([log(0.5), nan], None),
        ([None, log(0.5)], None),
        (["-0.1"], None),
        ([True], None),
        ([inf], None),
        ([inf, -inf], None),
        ([log(0.5), -inf], 0.0),
        ([-inf], 0.0),
        ([0.0], 1.0),
        ([0.001], 1.0),
        ([-9999.0], 0.0),
    ],
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
        ("```json" + "\n" * 100_000, None),
        ('```json\n{"confidence": 1}' + "\n" * 100_000, None),
        ('```json\n{"confidence": 1,' + " \n" * 100_000 + "x", None),
        ('```\n{"confidence": 0.5}```' + "\n" * 100_000, 0.5),
        ("```", None),
        ("```\n```", None),
        ('``` json \n{"confidence": 0.5}\n```', 0.5),
        (None, None),
    ],
)
def test_self_assessment_is_a_ratio_in_a_json_object(text, expected):
    assert of_self_assessment(Answer(text), answer_field="confidence") == expected


def test_structured_output_comes_before_text():
    answer = Answer('{"confidence": 0.1}', structured={"confidence": 0.9})
    assert of_self_assessment(answer, answer_field="confidence") == 0.9


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (True, 1.0),
        (False, 0.0),
        (0.25, 0.25),
        (1, 1.0),
        (None, None),
        ("yes", None),
        (2, None),
        (nan, None),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(1), 1.0),
        (np.True_, 1.0),
        (np.False_, 0.0),
        (np.array([1.0, 0.0]), None),
        (10**400, None),
        (-0.01, None),
        (b"1", None),
    ],
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


@pytest.mark.parametrize("logprobs", [[None], [nan], [inf, -inf], 5, np.array([nan, nan])])
def test_log_probabilities_that_cannot_be_read_are_counted(logprobs):
    forget_losses()
    check = ConfidenceStrategy("logprobs", 0.8, "cheap", {})
    assert of_answer(Answer("x", token_logprobs=logprobs), check) is None
    assert losses() == {"confidence_failed": 1}


@pytest.mark.parametrize("logprobs", [None, [], np.array([])])
def test_an_answer_without_log_probabilities_is_no_loss(logprobs):
    forget_losses()
    assert of_answer(Answer("x", token_logprobs=logprobs), ConfidenceStrategy("logprobs", 0.8, "cheap", {})) is None
    assert losses() == {}


def test_log_probabilities_of_numpy_are_read():
    check = ConfidenceStrategy("logprobs", 0.8, "cheap", {})
    assert of_answer(Answer("x", token_logprobs=np.log([0.9, 0.4])), check) == pytest.approx(0.6)


def test_structured_output_that_breaks_is_counted():
    class Broken(dict):
        def get(self, key, default=None):
            raise RuntimeError

    forget_losses()
    assert of_answer(Answer("x", structured=Broken()), CHECK) is None
    assert losses() == {"confidence_failed": 1}
