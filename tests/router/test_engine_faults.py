"""What clients, verifiers and classifiers do that they should not: no answer that was paid is lost, and nothing hangs."""

from __future__ import annotations

import asyncio
from math import inf, nan

import numpy as np
import pytest

from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from tests.router.stand_ins import (
    BY_ASSESSMENT,
    BY_TASK_TYPE,
    BY_VERIFIER,
    Scripted,
    answer,
    converse,
    policy_of,
)

CLASSIFY = Request("spam?", task_type="classification")
BY_LOGPROBS = {"strategy": "confidence", "source": "logprobs", "threshold": 0.8}


class Throttled(Exception):
    status_code = 429


class Malformed(Exception):
    status_code = 400


@pytest.mark.parametrize("logprobs", [[None], [inf, -inf], [nan], 5])
def test_log_probabilities_that_cannot_be_read_lose_no_answer(ask, logprobs):
    forget_losses()
    policy = policy_of(BY_LOGPROBS, provider="openai", fallback={"max_attempts": 2})
    cheap = Answer("cheap", raw=converse(), token_logprobs=logprobs)
    routed = ask(policy, Scripted(lite=cheap, haiku=answer("mid")))
    assert (routed.answer.text, routed.reason) == ("mid", "confidence first; then no confidence told")
    assert losses() == {"confidence_failed": 1}
    accepted = ask(policy_of(BY_LOGPROBS | {"accept_missing": True}, provider="openai"), Scripted(lite=cheap))
    assert accepted.answer is cheap


def test_an_answer_without_text_has_no_confidence(ask):
    routed = ask(
        policy_of(BY_ASSESSMENT), Scripted(lite=Answer(None, raw=converse()), haiku=answer('{"confidence": 1}'))
    )
    assert [attempt.confidence for attempt in routed.attempts] == [None, 1.0]


@pytest.mark.parametrize("said", [np.True_, np.float32(0.9), True, 0.9])
def test_verdicts_of_any_kind_of_number(ask, said):
    forget_losses()
    routed = ask(policy_of(BY_VERIFIER), Scripted(lite=answer()), verifier=lambda request, got: said)
    assert routed.model.name == "lite"
    assert losses() == {}


@pytest.mark.parametrize(
    ("said", "lost"), [(95, 1), (nan, 1), ("yes", 1), (-0.1, 1), (np.array([1.0, 0.0]), 1), (None, 0)]
)
def test_a_verdict_that_is_no_ratio_is_counted(ask, said, lost):
    forget_losses()
    policy = policy_of(BY_VERIFIER, fallback={"max_attempts": 2})
    routed = ask(policy, Scripted(lite=answer(), haiku=answer()), verifier=lambda request, got: said)
    assert routed.model.name == "haiku"
    assert losses() == ({"verifier_failed": 1} if lost else {})


def test_a_client_that_raises_stop_iteration_fails_as_any_other(ask):
    client = Scripted(lite=StopIteration("no more"), sonnet=answer("spam"))
    routed = ask(policy_of(BY_TASK_TYPE), client)
    assert [(attempt.model.name, attempt.fault) for attempt in routed.attempts] == [("lite", "error"), ("sonnet", None)]


def test_stop_iteration_of_the_last_model_reaches_who_asked_in_coroutines():
    last = StopIteration("no more")
    router = Router(
        policy_of(fallback={"max_attempts": 1}, breaker={"failure_count": 1}), clients=Scripted(sonnet=last)
    )

    async def ask() -> None:
        await asyncio.wait_for(router.acomplete("hi"), 5)

    with pytest.raises(RuntimeError, match="the client raised StopIteration") as caught:
        asyncio.run(ask())
    assert caught.value.__cause__ is last
    assert router.breakers.unhealthy() == {"sonnet"}
