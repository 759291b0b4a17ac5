"""A hundred tasks and some threads, with a CloudWatch that is dead, hangs or throttles: the calls notice nothing."""

import asyncio
import threading
import time

import pytest

from ai_finops.instrument import configure_metrics, instrument_llm, track_llm_cost
from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics import CloudWatchSink
from ai_finops.instrument.metrics.cloudwatch_client import make_client
from ai_finops.instrument.metrics.delivery import Delivery
from tests.instrument.metrics.conftest import use_endpoint
from tests.instrument.metrics.made import MINUTE, call
from tests.instrument.metrics.put_rules import BROKEN, THROTTLED, Fault

TASKS, CALLS_EACH, FEATURES = 100, 20, 10
THREADS = 8
CALLS = TASKS * CALLS_EACH + THREADS * CALLS_EACH
MAX_WAITING, MAX_MINUTES = 40, 20


class ModelError(Exception):
    """What a model's client raises."""


@pytest.fixture(params=["dead", "hangs", "throttles", "breaks"])
def ill(request, rules, monkeypatch):
    """A CloudWatch that takes nothing."""
    rules.is_fault_kept = True
    if request.param == "dead":
        use_endpoint(monkeypatch, "http://127.0.0.1:9")
    else:
        rules.faults = [{"hangs": Fault(hangs_s=0.5), "throttles": THROTTLED, "breaks": BROKEN}[request.param]]
    return rules


def answer(number: int) -> object:
    """The answer of one call; each seventh fails."""
    if number % 7 == 0:
        raise ModelError(number)
    return ("answer", number)


def measured(sink: CloudWatchSink, number: int) -> object:
    """What a decorator does: the answer or the error goes through, and the call is counted."""
    made = call(f"feature {number % FEATURES}", at_s=(MINUTE + number % 60) * 60)
    try:
        return answer(number)
    except ModelError as error:
        made.error_type = type(error).__name__
        raise
    finally:
        sink.add(made)


def outcome(action, *arguments) -> object:
    try:
        return action(*arguments)
    except ModelError as error:
        return repr(error)


async def tasks(sink: CloudWatchSink) -> list:
    async def one(number: int) -> list:
        results = []
        for each in range(CALLS_EACH):
            results.append(outcome(measured, sink, number * CALLS_EACH + each))
            await asyncio.sleep(0)
        return results

    return await asyncio.gather(*(one(number) for number in range(TASKS)))


def test_results_are_the_same_memory_is_bounded_and_losses_are_counted(ill, monkeypatch):
    monkeypatch.setattr("ai_finops.instrument.metrics.cloudwatch_client.MAX_ATTEMPTS", 1)
    # An hour of minutes, so that more has to wait than may; and sent all the time, as with a fault that never ends.
    now_s = (MINUTE + 60) * 60
    delivery = Delivery(make_client, now=lambda: now_s, max_waiting=MAX_WAITING)
    sink = CloudWatchSink(interval_s=0.001, delivery=delivery, max_minutes=MAX_MINUTES)
    expected = [outcome(answer, number) for number in range(CALLS)]
    found: dict[int, object] = {}

    def thread_work(first: int) -> None:
        for number in range(first, first + CALLS_EACH):
            found[number] = outcome(measured, sink, number)
            time.sleep(0)

    threads = [
        threading.Thread(target=thread_work, args=(TASKS * CALLS_EACH + each * CALLS_EACH,)) for each in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    in_tasks = [each for results in asyncio.run(tasks(sink)) for each in results]
    for thread in threads:
        thread.join()
    assert in_tasks + [found[number] for number in range(TASKS * CALLS_EACH, CALLS)] == expected
    assert len(sink._minutes) <= MAX_MINUTES
    sink.close(timeout_s=10)
    assert delivery.waiting_count <= MAX_WAITING
    # Of each call four values: those that wait, and those that were dropped.
    waiting = sum(each.count for each in delivery._waiting.values())
    assert losses()["metrics_dropped"] + waiting == 4 * CALLS
    assert losses()["metrics_unsent_at_exit"] == delivery.waiting_count
    assert ill.taken == []


# The same through the decorators, both on one function, as a service has them.

USAGE = {"prompt_tokens": 1_000, "completion_tokens": 500}


def decorated(kind: str, feature: str):
    """A function of each kind that gives `answer(number)`, or raises."""

    def body(number: int) -> dict:
        return {"model": "gpt-4o-mini", "said": answer(number), "usage": USAGE}

    async def coroutine(number: int) -> dict:
        await asyncio.sleep(0)
        return body(number)

    async def generator(number: int):
        yield "text"
        await asyncio.sleep(0)
        yield body(number)

    function = {"plain": body, "coroutine": coroutine, "generator": generator}[kind]
    return track_llm_cost(feature=feature)(instrument_llm(feature=feature, provider="openai")(function))


async def result_of(function, number: int) -> object:
    """What the caller gets: the last item, the value, or the very error."""
    try:
        got = function(number)
        if hasattr(got, "__anext__"):
            got = [item async for item in got][-1]
        elif asyncio.iscoroutine(got):
            got = await got
        return got["said"]
    except ModelError as error:
        return repr(error)


@pytest.mark.parametrize("ill", ["hangs", "throttles"], indirect=True)
@pytest.mark.parametrize("kind", ["plain", "coroutine", "generator"])
def test_decorated_calls_of_a_hundred_tasks_notice_nothing(kind, ill, monkeypatch, spans):
    monkeypatch.setattr("ai_finops.instrument.metrics.cloudwatch_client.MAX_ATTEMPTS", 1)
    delivery = Delivery(make_client, max_waiting=MAX_WAITING)
    sink = CloudWatchSink(interval_s=0.001, delivery=delivery, max_minutes=MAX_MINUTES)
    configure_metrics(sink=sink)
    functions = [decorated(kind, f"feature {number}") for number in range(FEATURES)]
    calls_each = 3

    async def one(task: int) -> list:
        numbers = [task * calls_each + each for each in range(calls_each)]
        return [await result_of(functions[number % FEATURES], number) for number in numbers]

    async def all_tasks() -> list:
        return await asyncio.gather(*(one(task) for task in range(TASKS)))

    found = [each for results in asyncio.run(all_tasks()) for each in results]
    call_count = TASKS * calls_each
    assert found == [outcome(answer, number) for number in range(call_count)]
    sink.close(timeout_s=10)
    # Each seventh call from 0 on failed: it has a latency and nothing else; all others have four values.
    failed_count = len(range(0, call_count, 7))
    waiting = sum(each.count for each in delivery._waiting.values())
    assert losses().get("metrics_dropped", 0) + waiting == 4 * (call_count - failed_count) + failed_count
    assert losses().keys() <= {"metrics_dropped", "metrics_unsent_at_exit"}
    assert ill.taken == []
    # A function with both decorators is one span a call.
    assert len(spans.all) == call_count
    assert sum("error.type" in span.attributes for span in spans.all) == failed_count
