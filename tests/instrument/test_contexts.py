"""Calls whose beginning and end lie in different contexts, threads or tasks, and those that nobody ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import types

import pytest
from opentelemetry import trace

from ai_finops.instrument import carry, current_call, instrument_llm, run, track_llm_cost
from ai_finops.instrument.losses import losses
from ai_finops.instrument.metering import MeterRun
from tests.instrument.answers import converse, openai_chat


def in_a_copy(function, *args):
    return contextvars.copy_context().run(function, *args)


def nothing_is_left():
    return trace.get_current_span() is trace.INVALID_SPAN and run.running() is None


@pytest.mark.parametrize("decorator", [track_llm_cost, instrument_llm])
def test_a_block_that_ends_in_another_context_keeps_the_products_exception(spans, caplog, decorator):
    def generator():
        with decorator(feature="f") as call:
            call.read(converse())
            yield 1
            raise ConnectionError("SECRET")

    running = generator()
    in_a_copy(next, running)
    with pytest.raises(ConnectionError):
        in_a_copy(next, running)
    assert nothing_is_left()
    assert "SECRET" not in caplog.text
    assert losses() == {}
    if decorator is track_llm_cost:
        assert spans.facts()["error.type"] == "ConnectionError"
        assert spans.facts()["gen_ai.usage.input_tokens"] == 1_000


def test_interleaved_blocks_end_each_their_own(spans):
    def generator(name, tokens):
        with track_llm_cost(feature=name, pipeline=name) as call:
            yield
            call.set_usage(input_tokens=tokens)

    one, other = generator("a", 111), generator("b", 222)
    next(one), next(other)
    for each in (one, other):
        with pytest.raises(StopIteration):
            next(each)
    assert sorted(
        (span.attributes["finops.pipeline"], span.attributes["gen_ai.usage.input_tokens"]) for span in spans.all
    ) == [("a", 111), ("b", 222)]
    assert nothing_is_left()


def test_an_async_generator_that_another_task_closes(spans):
    async def generator():
        async with track_llm_cost(feature="f"):
            yield 1
            yield 2

    @track_llm_cost(feature="g")
    async def decorated():
        yield 1
        yield 2

    async def main():
        for each in (generator(), decorated()):
            await asyncio.create_task(each.__anext__())
            await asyncio.create_task(each.aclose())

    asyncio.run(main())
    assert sorted(span.attributes["finops.feature"] for span in spans.all) == ["f", "g"]
    assert nothing_is_left()


def test_a_generator_begun_outside_and_consumed_inside_is_inside(spans):
    @track_llm_cost(feature="f", pipeline="inner")
    def inner():
        yield openai_chat()

    begun = inner()
    next(begun)

    @track_llm_cost(feature="f", pipeline="outer")
    def outer():
        list(begun)
        assert current_call().call.pipeline_id == "outer"
        current_call().set_usage(input_tokens=5)

    outer()
    assert {span.attributes["finops.pipeline"] for span in spans.all} == {"inner", "outer"}
    assert nothing_is_left()


def test_what_is_left_in_the_middle_of_another_call_changes_nothing_there(spans):
    @track_llm_cost(feature="f")
    def left():
        yield 1
        yield 2

    abandoned = left()
    next(abandoned)
    held = [abandoned]
    del abandoned

    @track_llm_cost(feature="f", pipeline="other")
    def other():
        held.clear()  # freed here, by the last reference
        return current_call().call.pipeline_id

    assert other() == "other"
    assert len(spans.all) == 2


def test_the_collector_ends_calls_on_another_thread():
    """Whoever is told may wait for a lock that the collected thread holds."""
    told = []

    class Remembering(MeterRun):
        def _closed(self):
            told.append(threading.current_thread())

    def generator(cycle):
        yield cycle

    from ai_finops.instrument.following import follow_function
    from ai_finops.instrument.options import make_options

    cycle = []
    running = follow_function(generator, kind=Remembering, options=make_options(feature="f"))(cycle)
    next(running)
    cycle.append(running)
    del running, cycle
    gc.collect()
    for _ in range(500):
        if told:
            break
        threading.Event().wait(0.01)
    assert len(told) == 1
    assert told[0] is not threading.current_thread()


def test_a_chain_of_tasks_does_not_hold_on_to_those_before(spans):
    done = asyncio.Event()

    @track_llm_cost(feature="f")
    async def poll(number):
        if number:
            tasks.append(asyncio.create_task(poll(number - 1)))
            await asyncio.sleep(0)  # the next one begins while this one runs
            tasks.pop(0)
        else:
            done.set()

    tasks = []

    async def main():
        tasks.append(asyncio.create_task(poll(300)))
        await done.wait()

    asyncio.run(main())
    gc.collect()
    assert sum(isinstance(each, run.Run) for each in gc.get_objects()) <= 10


def test_coroutines_of_the_old_kind(spans):
    @track_llm_cost(feature="f")
    @types.coroutine
    def answer():
        yield from asyncio.sleep(0).__await__()
        return openai_chat()

    async def main():
        return await answer()

    assert asyncio.run(main()) == openai_chat()
    assert spans.facts()["gen_ai.usage.input_tokens"] == 300


def test_wrong_arguments_of_a_generator_are_no_call(spans):
    @track_llm_cost(feature="f")
    def generator(one):
        yield one

    with pytest.raises(TypeError):
        next(generator())
    assert spans.all == ()
    assert losses() == {}


def test_a_class_stays_a_class_and_a_cache_can_be_cleared(spans):
    import functools

    class Service: ...

    assert track_llm_cost(feature="f")(Service) is Service
    cached = track_llm_cost(feature="f")(functools.lru_cache(lambda: 5))
    assert cached() == cached() == 5
    assert cached.cache_info().hits == 1
    cached.cache_clear()


def test_a_generator_that_works_inside_of_a_task_that_it_began(spans):
    @track_llm_cost(feature="f", pipeline="generator")
    async def generator():
        tasks.append(asyncio.create_task(inside()))
        yield 1
        yield 2

    @track_llm_cost(feature="f", pipeline="task")
    async def inside():
        block = track_llm_cost(feature="f", pipeline="block")
        block.__enter__()
        await running.__anext__()
        block.__exit__(None, None, None)
        await running.aclose()

    tasks = []
    running = generator()

    async def main():
        await running.__anext__()
        await tasks[0]

    asyncio.run(main())
    assert {span.attributes["finops.pipeline"] for span in spans.all} == {"generator", "task", "block"}
    assert nothing_is_left()


def test_a_call_that_is_carried_into_a_pool_is_inside_of_the_one_that_waits_for_it(spans):
    from concurrent.futures import ThreadPoolExecutor

    inner = track_llm_cost(feature="f", pipeline="inner")(converse)

    @track_llm_cost(feature="f", pipeline="outer")
    def outer():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(carry(inner)).result()

    outer()
    assert [span.attributes["gen_ai.operation.name"] for span in spans.all] == ["chat", "invoke_workflow"]
