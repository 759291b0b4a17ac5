"""What happens to a request: escalation, fallback, breakers, cancellation; in threads and in coroutines, one and a hundred."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ai_finops.errors import PolicyError
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.router.breaker import Breakers, State
from ai_finops.router.course import Course
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from ai_finops.router.faults import Fault
from tests.router.stand_ins import (
    BY_ASSESSMENT,
    BY_TASK_TYPE,
    BY_VERIFIER,
    AsyncScripted,
    Clock,
    Scripted,
    answer,
    policy_of,
)

SURE, UNSURE, UNTOLD = (answer(text) for text in ('{"confidence": 0.8}', '{"confidence": 0.79}', "who knows"))
CLASSIFY = Request("spam?", task_type="classification")


class Throttled(Exception):
    status_code = 429


class Malformed(Exception):
    status_code = 400


def tried(routed) -> list[tuple]:
    return [(attempt.model.name, attempt.fault, attempt.confidence) for attempt in routed.attempts]


def test_the_policys_model_answers(ask):
    client = Scripted(lite=answer("spam"))
    routed = ask(policy_of(BY_TASK_TYPE), client)
    assert routed.answer.text == "spam"
    assert (routed.model.name, routed.is_escalated, routed.is_fallback) == ("lite", False, False)
    assert routed.reason == "task type classification"
    assert client.asked == ["lite"]
    # 1,000 in and 100 out: at $1 and $2 per million, and at $10 and $20
    assert routed.estimated_cost_usd == pytest.approx(0.0012)
    assert routed.capable_cost_usd == pytest.approx(0.012)
    assert (routed.reading.input_tokens, routed.reading.output_tokens) == (1000, 100)


def test_a_text_is_a_request(ask):
    assert ask(policy_of(), Scripted(sonnet=answer("hello")), "hi").answer.text == "hello"


def test_an_answer_that_is_sure_is_taken(ask):
    routed = ask(policy_of(BY_ASSESSMENT), Scripted(lite=SURE))
    assert tried(routed) == [("lite", None, 0.8)]
    assert (routed.is_escalated, routed.confidence, routed.reason) == (False, 0.8, "confidence first")


def test_one_that_is_not_sure_is_asked_again_higher_up(ask):
    routed = ask(policy_of(BY_ASSESSMENT), Scripted(lite=UNSURE, haiku=SURE))
    assert tried(routed) == [("lite", None, 0.79), ("haiku", None, 0.8)]
    assert (routed.model.name, routed.is_escalated, routed.is_fallback) == ("haiku", True, False)
    assert routed.reason == "confidence first; then low confidence"
    assert routed.confidence == 0.8
    # 1,000 in and 100 out on each: $0.0012 and $0.0024
    assert routed.estimated_cost_usd == pytest.approx(0.0036)
    assert routed.capable_cost_usd == pytest.approx(0.012)


def test_the_last_answer_is_taken_unchecked(ask):
    routed = ask(policy_of(BY_ASSESSMENT), Scripted(lite=UNSURE, haiku=UNTOLD, sonnet=UNSURE))
    assert tried(routed) == [("lite", None, 0.79), ("haiku", None, None), ("sonnet", None, None)]
    assert routed.reason == "confidence first; then low confidence; then no confidence told"
    assert routed.confidence == 0.79


def test_attempts_are_bounded_and_the_last_answer_counts(ask):
    policy = policy_of(BY_ASSESSMENT, fallback={"max_attempts": 2})
    routed = ask(policy, Scripted(lite=UNSURE, haiku=UNSURE))
    assert tried(routed) == [("lite", None, 0.79), ("haiku", None, None)]
    assert ask(policy_of(BY_ASSESSMENT, fallback={"max_attempts": 1}), Scripted(lite=UNSURE)).model.name == "lite"


def test_confidence_that_cannot_be_told_is_enough_where_the_policy_says_so(ask):
    routed = ask(policy_of(BY_ASSESSMENT | {"accept_missing": True}), Scripted(lite=UNTOLD))
    assert tried(routed) == [("lite", None, None)]


def test_a_model_that_fails_gives_way_to_the_most_capable(ask):
    client = Scripted(lite=Throttled(), sonnet=answer("spam"))
    routed = ask(policy_of(BY_TASK_TYPE), client)
    assert tried(routed) == [("lite", "throttled", None), ("sonnet", None, None)]
    assert (routed.model.name, routed.is_fallback, routed.is_escalated) == ("sonnet", True, False)
    assert routed.reason == "task type classification; then throttled"
    assert routed.estimated_cost_usd == pytest.approx(0.012)  # a call that is throttled costs nothing


def test_of_a_call_that_timed_out_nobody_knows_the_cost(ask):
    routed = ask(policy_of(BY_TASK_TYPE), Scripted(lite=TimeoutError(), sonnet=answer()))
    assert routed.estimated_cost_usd is None
    assert routed.capable_cost_usd == pytest.approx(0.012)


def test_when_the_most_capable_fails_the_next_below_it_answers(ask):
    routed = ask(policy_of(), Scripted(sonnet=Throttled(), haiku=answer()))
    assert [attempt.model.name for attempt in routed.attempts] == ["sonnet", "haiku"]


def test_when_all_fail_the_last_exception_is_raised_and_says_what_was_asked(ask):
    last = Throttled("the last")
    client = Scripted(lite=TimeoutError(), sonnet=ConnectionError(), haiku=last)
    with pytest.raises(Throttled) as caught:
        ask(policy_of(BY_TASK_TYPE), client)
    assert caught.value is last
    assert last.__notes__ == [
        "ai_finops.router asked lite (timeout), sonnet (no connection), haiku (throttled) by policy test"
    ]
    assert client.asked == ["lite", "sonnet", "haiku"]


def test_attempts_are_bounded_when_models_fail(ask):
    last = Throttled()
    client = Scripted(lite=Throttled(), sonnet=last)
    with pytest.raises(Throttled) as caught:
        ask(policy_of(BY_TASK_TYPE, fallback={"max_attempts": 2}), client)
    assert caught.value is last
    assert client.asked == ["lite", "sonnet"]


def test_a_fault_of_the_request_is_raised_at_once(ask):
    fault = Malformed()
    client = Scripted(lite=fault)
    with pytest.raises(Malformed) as caught:
        ask(policy_of(BY_TASK_TYPE), client)
    assert caught.value is fault
    assert client.asked == ["lite"]


def test_unless_the_policy_says_otherwise(ask):
    policy = policy_of(BY_TASK_TYPE, fallback={"retry_request_errors": True})
    routed = ask(policy, Scripted(lite=Malformed(), sonnet=answer()))
    assert tried(routed) == [("lite", "bad request", None), ("sonnet", None, None)]


def test_users_say_whose_fault_their_exceptions_are(ask):
    routed = ask(
        policy_of(BY_TASK_TYPE),
        Scripted(lite=Malformed(), sonnet=answer()),
        classify_error=lambda error: Fault("too long for it"),
    )
    assert routed.reason == "task type classification; then too long for it"


def test_an_answer_in_hand_is_returned_when_the_better_models_fail(ask):
    client = Scripted(lite=UNSURE, haiku=Throttled(), sonnet=Throttled())
    routed = ask(policy_of(BY_ASSESSMENT), client)
    assert client.asked == ["lite", "haiku", "sonnet"]
    assert (routed.answer, routed.model.name) == (UNSURE, "lite")
    assert (routed.is_escalated, routed.is_fallback) == (False, True)
    assert routed.reason == "confidence first; then low confidence; then throttled"


def test_a_fallback_never_goes_below_the_answer_in_hand(ask):
    client = Scripted(haiku=UNSURE, sonnet=Throttled())
    routed = ask(policy_of(BY_TASK_TYPE, BY_ASSESSMENT), client, Request("hi", task_type="chat"))
    assert client.asked == ["haiku", "sonnet"]
    assert routed.answer is UNSURE


def test_a_fallbacks_own_answer_is_checked_like_any_other(ask):
    client = Scripted(lite=Throttled(), sonnet=Throttled(), haiku=UNSURE)
    routed = ask(policy_of(BY_ASSESSMENT, fallback={"max_attempts": 5}), client)
    assert client.asked == ["lite", "sonnet", "haiku"]  # sonnet is above it and was asked
    assert routed.model.name == "haiku"


@pytest.mark.parametrize(("verdict", "model"), [(True, "lite"), (0.8, "lite"), (0.79, "haiku"), (None, "haiku")])
def test_a_verifier_decides(ask, verdict, model):
    seen = []

    def verifier(request, got):
        seen.append((request.prompt, got.text))
        return verdict if len(seen) == 1 else True

    routed = ask(policy_of(BY_VERIFIER), Scripted(lite=answer("a"), haiku=answer("b")), verifier=verifier)
    assert routed.model.name == model
    assert seen[0] == ("spam?", "a")


def test_a_verifier_that_fails_is_counted_and_says_nothing(ask):
    forget_losses()

    def verifier(request, got):
        raise RuntimeError

    routed = ask(
        policy_of(BY_VERIFIER, fallback={"max_attempts": 2}), Scripted(lite=answer(), haiku=answer()), verifier=verifier
    )
    assert routed.model.name == "haiku"
    assert losses() == {"verifier_failed": 1}  # the second answer is the last there may be, and is not checked


def test_a_verifier_in_coroutines():
    async def verifier(request, got):
        await asyncio.sleep(0)
        return 0.9

    policy, client = policy_of(BY_VERIFIER), Scripted(lite=answer(), haiku=answer(), sonnet=answer())
    router = Router(policy, clients=client, verifier=verifier)
    assert asyncio.run(router.acomplete("hi")).confidence == 0.9
    forget_losses()
    assert router.complete("hi").model.name == "sonnet"  # nobody awaits it there: it says nothing
    assert losses() == {"verifier_failed": 2}


def test_a_policy_that_wants_a_verifier_needs_one():
    with pytest.raises(PolicyError, match="takes confidence from a verifier; give Router"):
        Router(policy_of(BY_VERIFIER), clients=Scripted())


def test_clients_by_model_then_by_provider():
    own, shared = Scripted(lite=answer("own")), Scripted(sonnet=answer("shared"))
    router = Router(policy_of(BY_TASK_TYPE), clients={"lite": own, "aws.bedrock": shared})
    assert router.complete(CLASSIFY).answer.text == "own"
    assert router.complete("hi").answer.text == "shared"
    with pytest.raises(PolicyError, match=r"no client for haiku; give one as clients\['haiku'\] or clients\['aws.bed"):
        Router(policy_of(), clients={"lite": own, "openai": shared})


def test_an_async_client_cannot_be_asked_outside_of_coroutines():
    router = Router(policy_of(), clients=AsyncOnly())
    with pytest.raises(TypeError, match=r"has only acomplete; use Router\.acomplete"):
        router.complete("hi")


class AsyncOnly:
    async def acomplete(self, request, *, model):
        return answer()


def test_an_open_breaker_routes_around_the_model_with_a_reason(ask):
    limits = {"failure_count": 2, "failure_ratio": 0.5}
    clock, client = Clock(), Scripted(lite=Throttled(), sonnet=answer())
    policy = policy_of(BY_TASK_TYPE, breaker=limits)
    router = Router(policy, clients=client, clock=clock)
    for _ in range(2):
        router.complete(CLASSIFY)
    assert router.breakers["lite"].state is State.OPEN
    assert router.decide(CLASSIFY).model.name == "haiku"
    client._by_model["haiku"] = [answer("from haiku")]
    routed = router.complete(CLASSIFY)
    assert (routed.model.name, routed.is_fallback) == ("haiku", True)
    assert routed.reason == "task type classification; then unhealthy"
    clock.now += 30
    client._by_model["lite"] = [answer("from lite")]
    assert router.complete(CLASSIFY).model.name == "lite"
    assert router.breakers["lite"].state is State.CLOSED


def test_faults_of_requests_open_no_breaker():
    router = Router(
        policy_of(breaker={"failure_count": 1, "failure_ratio": 0.01}), clients=Scripted(sonnet=Malformed())
    )
    for _ in range(3):
        with pytest.raises(Malformed):
            router.complete("hi")
    assert router.breakers["sonnet"].state is State.CLOSED


def test_when_all_breakers_are_open_the_most_capable_is_tried_once():
    last = Throttled()
    client = Scripted(lite=Throttled(), haiku=Throttled(), sonnet=last)
    policy = policy_of(BY_TASK_TYPE, breaker={"failure_count": 1})
    router = Router(policy, clients=client)
    with pytest.raises(Throttled):
        router.complete(CLASSIFY)
    assert router.breakers.unhealthy() == {"lite", "haiku", "sonnet"}
    client.asked.clear()
    with pytest.raises(Throttled) as caught:
        router.complete(CLASSIFY)
    assert caught.value is last
    assert client.asked == ["sonnet"]


def test_one_probe_goes_to_a_model_that_was_left_alone_and_the_others_around_it():
    clock = Clock()
    entered, go_on = threading.Event(), threading.Event()

    def slowly(request):
        entered.set()
        go_on.wait(10)
        return answer("from lite")

    client = Scripted(lite=[Throttled(), slowly], haiku=answer("from haiku"), sonnet=answer())
    router = Router(policy_of(BY_TASK_TYPE, breaker={"failure_count": 1}), clients=client, clock=clock)
    router.complete(CLASSIFY)
    clock.now += 30
    probes = []
    probe = threading.Thread(target=lambda: probes.append(router.complete(CLASSIFY)))
    probe.start()
    assert entered.wait(10)
    assert router.complete(CLASSIFY).answer.text == "from haiku"
    go_on.set()
    probe.join()
    assert probes[0].answer.text == "from lite"
    assert router.breakers["lite"].state is State.CLOSED


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_is_passed_on_at_once(kind):
    client = Scripted(lite=kind())
    with pytest.raises(kind):
        Router(policy_of(BY_TASK_TYPE), clients=client).complete(CLASSIFY)
    assert client.asked == ["lite"]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_cancellation_is_passed_on_at_once_and_frees_the_probe(is_async):
    clock, is_over = Clock(), threading.Event()

    class Slow:
        def complete(self, request, *, model):
            is_over.wait(10)
            return answer()

    class SlowInCoroutines:
        async def acomplete(self, request, *, model):
            await asyncio.sleep(10)

    router = Router(
        policy_of(breaker={"failure_count": 1}), clients=SlowInCoroutines() if is_async else Slow(), clock=clock
    )
    opened = router.breakers["sonnet"]
    opened.failed(opened.acquire())
    clock.now += 30

    async def cancel() -> None:
        task = asyncio.create_task(router.acomplete("hi"))
        await asyncio.sleep(0.01)
        assert not router.breakers["sonnet"].is_passable  # the probe is out
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(cancel(), 5))
    finally:
        is_over.set()
    assert time.monotonic() - begun < 5
    assert router.breakers["sonnet"].is_passable


def test_an_observer_sees_each_answer_and_can_break_nothing(ask):
    forget_losses()
    seen = []

    def observer(request, routed):
        seen.append((request, routed.answer.text))
        raise RuntimeError

    routed = ask(policy_of(BY_TASK_TYPE), Scripted(lite=answer("spam")), observer=observer)
    assert seen == [(CLASSIFY, "spam")]
    assert routed.answer.text == "spam"
    assert losses() == {"router_observer_failed": 1}


@pytest.mark.parametrize("client", [Scripted, AsyncScripted])
def test_a_hundred_tasks_at_once(client):
    def reply(request):
        return answer(f"to {request.prompt}")

    router = Router(policy_of(BY_TASK_TYPE), clients=client(lite=reply, sonnet=reply))

    async def everyone():
        requests = [Request(str(each), task_type="classification" if each % 2 else None) for each in range(100)]
        return await asyncio.gather(*(router.acomplete(request) for request in requests))

    routed = asyncio.run(everyone())
    assert [each.answer.text for each in routed] == [f"to {each}" for each in range(100)]
    assert [each.model.name for each in routed] == ["sonnet", "lite"] * 50


def test_many_threads_at_once_with_a_model_that_fails():
    client = Scripted(lite=Throttled(), haiku=answer(), sonnet=answer())
    router = Router(policy_of(BY_TASK_TYPE), clients=client)
    got = []
    threads = [
        threading.Thread(target=lambda: got.extend(router.complete(CLASSIFY).model.name for _ in range(20)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 200
    assert set(got) <= {"haiku", "sonnet"}
    # Those that were under way when the fifth failed had begun before; none began after it.
    assert 5 <= client.asked.count("lite") <= 5 + 10


def test_an_answer_of_a_tier_that_does_not_escalate_is_not_checked(ask):
    policy = policy_of(BY_ASSESSMENT | {"escalate": {"cheap": "expensive"}}, fallback={"max_attempts": 5})
    routed = ask(policy, Scripted(lite=Throttled(), sonnet=Throttled(), haiku=UNSURE))
    assert tried(routed)[-1] == ("haiku", None, None)
    assert routed.reason == "confidence first; then throttled"


def test_whoever_loses_the_race_for_a_probe_goes_around():
    class Stale(Breakers):
        def unhealthy(self):
            return frozenset()  # as it was when this request looked

    policy = policy_of(BY_TASK_TYPE, breaker={"failure_count": 1})
    breakers = Stale(["lite", "haiku", "sonnet"], policy.breaker)
    breakers["lite"].failed(breakers["lite"].acquire())
    course = Course(CLASSIFY, policy, breakers)
    assert course.next_model.name == "haiku"
    assert course.reason == "task type classification; then unhealthy"
    for name in ("haiku", "sonnet"):
        breakers[name].failed(breakers[name].acquire())
    assert Course(CLASSIFY, policy, breakers).next_model.name == "sonnet"
