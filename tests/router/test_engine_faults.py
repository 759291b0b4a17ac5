"""What clients, verifiers and classifiers do that they should not: no answer that was paid is lost, and nothing hangs."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest

from ai_finops.errors import PolicyError
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.router.answer import Answer
from ai_finops.router.breaker import State
from ai_finops.router.decision import Message, Request, decide
from ai_finops.router.engine import Router
from ai_finops.router.read_policy import read_policy
from tests.router.stand_ins import (
    BY_ASSESSMENT,
    BY_TASK_TYPE,
    BY_VERIFIER,
    AsyncScripted,
    Clock,
    Scripted,
    answer,
    converse,
    models,
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


def open_breaker(router: Router, *names: str) -> None:
    for name in names:
        router.breakers[name].failed(router.breakers[name].acquire())


@pytest.mark.parametrize("said", [RuntimeError("the classifier broke"), "throttled", None])
def test_a_classifier_that_breaks_is_counted_and_the_model_has_failed(ask, said):
    def classify(error):
        if isinstance(said, Exception):
            raise said
        return said

    forget_losses()
    routed = ask(policy_of(BY_TASK_TYPE), Scripted(lite=Malformed(), sonnet=answer()), classify_error=classify)
    assert routed.reason == "task type classification; then error"
    assert losses() == {"classify_error_failed": 1}


def test_a_classifier_that_breaks_hides_no_exception_and_holds_no_probe():
    def classify(error):
        raise RuntimeError

    last, clock = Malformed(), Clock()
    policy = policy_of(fallback={"max_attempts": 1}, breaker={"failure_count": 1})
    router = Router(policy, clients=Scripted(sonnet=last), classify_error=classify, clock=clock)
    open_breaker(router, "sonnet")
    clock.now += 30
    with pytest.raises(Malformed) as caught:
        router.complete("hi")
    assert caught.value is last
    clock.now += 30
    assert router.breakers["sonnet"].is_passable


@pytest.mark.parametrize("fault", [Malformed(), TypeError("a bug; nothing was sent")])
def test_a_fault_of_the_request_closes_no_breaker_and_frees_the_probe(fault):
    clock = Clock()
    router = Router(policy_of(breaker={"failure_count": 1}), clients=Scripted(sonnet=fault), clock=clock)
    open_breaker(router, "sonnet")
    clock.now += 30
    with pytest.raises(type(fault)):
        router.complete("hi")
    assert router.breakers["sonnet"].state is State.HALF_OPEN
    assert router.breakers["sonnet"].is_passable


def test_faults_of_requests_do_not_thin_out_failures():
    # 2 throttles among 6 faults of requests: were these answers, 2 of 8 would be less than half
    client = Scripted(sonnet=[*[Malformed()] * 6, Throttled()])
    policy = policy_of(fallback={"max_attempts": 1}, breaker={"failure_count": 2, "failure_ratio": 0.5})
    router = Router(policy, clients=client)
    for _ in range(8):
        with pytest.raises((Malformed, Throttled)):
            router.complete("hi")
    assert router.breakers["sonnet"].state is State.OPEN


def test_when_all_breakers_are_open_the_reason_says_so_and_an_answer_closes(ask_router):
    router = Router(policy_of(breaker={"failure_count": 1}), clients=Scripted(sonnet=answer()), clock=Clock())
    open_breaker(router, "lite", "haiku", "sonnet")
    decision = router.decide(Request("hi"))
    assert (decision.reason, decision.is_rerouted) == ("no strategy decides; then all unhealthy", True)
    routed = ask_router(router, "hi")
    assert (routed.reason, routed.is_fallback) == ("no strategy decides; then all unhealthy", True)
    assert router.breakers["sonnet"].state is State.CLOSED
    again = ask_router(router, "hi")
    assert (again.reason, again.is_fallback) == ("no strategy decides", False)


@pytest.fixture(params=["sync", "in coroutines"])
def ask_router(request):
    def run(router, prompt):
        return router.complete(prompt) if request.param == "sync" else asyncio.run(router.acomplete(prompt))

    return run


def test_a_reused_exception_has_one_note_that_is_of_the_last_request():
    same = Throttled()
    policy = policy_of(BY_TASK_TYPE, breaker={"failure_count": 1000})
    router = Router(policy, clients=Scripted(lite=same, haiku=same, sonnet=same))
    same.add_note("of the program")
    for prompt in ("hi", "hi", CLASSIFY):
        with pytest.raises(Throttled):
            router.complete(prompt)
    asked = "ai_finops.router asked lite (throttled), sonnet (throttled), haiku (throttled) by policy test"
    assert same.__notes__ == ["of the program", asked]


@dataclass(frozen=True)
class Frozen(Exception):
    """Takes no note."""

    words: str


def test_an_exception_that_takes_no_note_is_raised_all_the_same(ask):
    last = Frozen("the last")
    with pytest.raises(Frozen) as caught:
        ask(policy_of(fallback={"max_attempts": 1}), Scripted(sonnet=last))
    assert caught.value is last


def test_a_request_that_is_cancelled_while_it_is_verified_says_what_was_paid(spans):
    async def verifier(request, got):
        await asyncio.sleep(60)

    router = Router(policy_of(BY_VERIFIER), clients=Scripted(lite=answer()), verifier=verifier)

    async def cancel() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(router.acomplete("hi"), 0.05)

    asyncio.run(cancel())
    facts = spans.facts()
    assert facts["finops.routing.attempt_count"] == 1
    assert facts["finops.routing.estimated_cost_usd"] == pytest.approx(0.0012)
    assert facts["finops.routing.model"] == policy_of().models[0].model_id
    assert facts["error.type"] == "asyncio.exceptions.CancelledError"


def with_sibling():
    """The tier `mid` has two models; the second is asked when the first fails."""
    made = models()
    made["haiku_b"] = made["haiku"] | {"model": "another haiku"}
    content = {
        "policy": "test",
        "models": made,
        "default_tier": "expensive",
        "strategies": [BY_TASK_TYPE, BY_ASSESSMENT],
    }
    return read_policy(content | {"fallback": {"max_attempts": 4}})


UNSURE, SURE = answer('{"confidence": 0.1}'), answer('{"confidence": 0.9}')


def test_an_escalation_goes_to_another_model_of_the_tier_when_the_first_fails(ask):
    client = Scripted(lite=UNSURE, haiku=Throttled(), haiku_b=SURE)
    routed = ask(with_sibling(), client, "hi")
    assert client.asked == ["lite", "haiku", "haiku_b"]
    assert (routed.model.name, routed.is_escalated, routed.is_fallback, routed.confidence) == (
        "haiku_b",
        True,
        True,
        0.9,
    )


def test_when_all_of_the_tier_fail_the_most_capable_is_asked(ask):
    client = Scripted(lite=UNSURE, haiku=Throttled(), haiku_b=Throttled(), sonnet=answer("best"))
    assert ask(with_sibling(), client, "hi").answer.text == "best"
    assert client.asked == ["lite", "haiku", "haiku_b", "sonnet"]


def test_a_first_model_that_fails_gives_way_to_the_most_capable_and_not_to_its_sibling(ask):
    client = Scripted(haiku=Throttled(), sonnet=answer("best"))
    assert ask(with_sibling(), client, Request("hi", task_type="chat")).answer.text == "best"
    assert client.asked == ["haiku", "sonnet"]


def test_a_model_that_is_asked_second_may_be_the_probe():
    clock = Clock()
    client = Scripted(lite=Throttled(), sonnet=[answer("best"), Throttled()], haiku=answer())
    router = Router(policy_of(BY_TASK_TYPE, breaker={"failure_count": 1}), clients=client, clock=clock)
    open_breaker(router, "sonnet")
    clock.now += 30
    assert router.complete(CLASSIFY).answer.text == "best"
    assert router.breakers["sonnet"].state is State.CLOSED
    assert router.breakers["lite"].state is State.OPEN


class Hangs:
    """A model that never answers, beside one that does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def acomplete(self, request, *, model):
        self.asked.append(model.name)
        if model.name == "lite":
            await asyncio.sleep(600)
        return answer("spam")


def limited(seconds: float, **more):
    return policy_of(BY_TASK_TYPE, fallback={"attempt_timeout_s": seconds} | more, breaker={"failure_count": 2})


def test_a_model_that_hangs_fails_and_its_breaker_opens():
    client = Hangs()
    router = Router(limited(0.02), clients=client, classify_error=lambda error: pytest.fail("the router knows itself"))
    routed = asyncio.run(router.acomplete(CLASSIFY))
    assert [(attempt.model.name, attempt.fault) for attempt in routed.attempts] == [
        ("lite", "timeout"),
        ("sonnet", None),
    ]
    assert routed.estimated_cost_usd is None  # nobody knows what the first one cost
    asyncio.run(router.acomplete(CLASSIFY))
    assert router.breakers["lite"].state is State.OPEN
    asyncio.run(router.acomplete(CLASSIFY))
    assert client.asked == ["lite", "sonnet", "lite", "sonnet", "haiku"]


def test_a_sync_client_that_hangs_in_a_thread_fails_for_who_waits():
    is_over = threading.Event()

    def slowly(request):
        is_over.wait(20)
        return answer()

    client = Scripted(lite=slowly, sonnet=answer("spam"))
    try:
        routed = asyncio.run(Router(limited(0.05), clients=client).acomplete(CLASSIFY))
        assert routed.reason == "task type classification; then timeout"
    finally:
        is_over.set()


def test_when_the_last_model_hangs_a_timeout_is_raised_that_says_so():
    router = Router(limited(0.02, max_attempts=1), clients=Hangs())
    with pytest.raises(TimeoutError, match=r"lite did not answer within 0\.02 s") as caught:
        asyncio.run(router.acomplete(CLASSIFY))
    assert caught.value.__notes__ == ["ai_finops.router asked lite (timeout) by policy test"]


def test_the_callers_own_cancellation_stays_one():
    client = Hangs()
    router = Router(limited(30), clients=client)

    async def cancel() -> None:
        task = asyncio.create_task(router.acomplete(CLASSIFY))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert client.asked == ["lite"]
    assert router.breakers["lite"].state is State.CLOSED


def test_a_timeout_of_the_clients_own_is_not_said_to_be_the_routers():
    last = TimeoutError("of the client")
    router = Router(limited(30, max_attempts=1), clients=AsyncScripted(lite=last))
    with pytest.raises(TimeoutError) as caught:
        asyncio.run(router.acomplete(CLASSIFY))
    assert caught.value is last


def test_without_a_limit_and_in_threads_the_clients_own_timeout_holds():
    client = Scripted(lite=answer("spam"))
    assert Router(limited(0.01), clients=client).complete(CLASSIFY).answer.text == "spam"
    assert policy_of().fallback.attempt_timeout_s is None


class Falsy(Scripted):
    """A client that is false, as one with a length of zero."""

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("name", ["sonnet", "aws.bedrock"])
def test_a_client_that_is_false_is_a_client(name):
    clients = {"lite": Falsy(), "haiku": Falsy(), name: Falsy(sonnet=answer("hello"))}
    assert Router(policy_of(), clients=clients).complete("hi").answer.text == "hello"


@pytest.mark.parametrize("fault", [KeyError("choices"), UnicodeDecodeError("utf-8", b"a", 0, 1, "?")])
def test_an_answer_that_cannot_be_read_goes_to_another_model(ask, fault):
    routed = ask(policy_of(BY_TASK_TYPE), Scripted(lite=fault, sonnet=answer("spam")))
    assert routed.reason == "task type classification; then unreadable answer"


@pytest.mark.parametrize("said", [None, "text", {"text": "x"}])
def test_a_client_that_returns_no_answer_has_failed(ask, said):
    routed = ask(policy_of(BY_TASK_TYPE), Scripted(lite=lambda request: said, sonnet=answer("spam")))
    assert routed.reason == "task type classification; then unreadable answer"


def test_requests_that_are_too_long_for_a_model_open_no_breaker(ask_router):
    class TooLong(Malformed):
        code = "context_length_exceeded"

    policy = policy_of(BY_TASK_TYPE, breaker={"failure_count": 1})
    router = Router(policy, clients=Scripted(lite=TooLong(), sonnet=answer("spam")))
    assert router.complete(CLASSIFY).reason == "task type classification; then too long"
    assert router.breakers["lite"].state is State.CLOSED


class WithoutLogprobs(Scripted):
    gives_logprobs = False


def test_a_client_that_gives_no_log_probabilities_is_refused_where_they_are_needed():
    policy = policy_of(BY_LOGPROBS, provider="openai")
    with pytest.raises(
        PolicyError, match=r"policy test takes confidence from log-probabilities, and the client of lite"
    ):
        Router(policy, clients=WithoutLogprobs())
    sonnet_only = {"lite": Scripted(), "haiku": Scripted(), "sonnet": WithoutLogprobs()}
    Router(policy, clients=sonnet_only)  # its answers are not checked
    Router(policy_of(BY_ASSESSMENT), clients=WithoutLogprobs())


CIRCLE: list = []
CIRCLE.append(CIRCLE)
ODD = [
    Request(CIRCLE),
    Request("x", task_type=["classification"]),
    Request("x", task_type={}),
    Request("x", task_type=7),
    Request(None),
    Request(b"\xff abc"),
    Request(7),
    Request([{"role": "user", "content": "words of a message"}]),
    Request([{"role": "user", "content": [{"text": "words"}, {"image": b"x"}, None]}]),
    Request([None, 7, Message("user", None)]),
    Request("x", complexity_score=nan),
    Request("x", complexity_score="0.1"),
    Request("x", complexity_score=10**400),
    Request("x", complexity_score=-inf),
    Request("x", input_tokens="5"),
    Request("x", input_tokens=nan),
    Request("x", input_tokens=inf),
    Request("x", input_tokens=-5),
    Request("x", input_tokens=10**400),
    Request("\ud800" * 100),
]


@pytest.mark.parametrize("request_", ODD)
def test_odd_requests_are_decided_and_asked(ask, request_):
    complexity = {"strategy": "complexity", "steps": [{"below": 0.3, "tier": "cheap"}], "otherwise": "mid"}
    policy = policy_of(BY_TASK_TYPE, complexity)
    assert decide(request_, policy).strategy == "complexity"
    assert ask(policy, Scripted(lite=answer("a"), haiku=answer("a")), request_).answer.text == "a"


def test_a_score_that_is_no_number_is_measured_from_the_text():
    complexity = {"strategy": "complexity", "steps": [{"below": 0.3, "tier": "cheap"}], "otherwise": "mid"}
    policy = policy_of(complexity)
    measured = decide(Request("x"), policy)
    assert decide(Request("x", complexity_score=nan, input_tokens=nan), policy) == measured
    words = "the liability clause of a contract " * 400
    as_message = decide(Request([{"role": "user", "content": words}]), policy)
    assert as_message == decide(Request(words), policy) == decide(Request(words.encode()), policy)
