"""A decorated function stays what it was: kind, signature, value, exception, items, and what is sent or thrown into it."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Iterator

import pytest
from opentelemetry import trace

from ai_finops.instrument import current_call, track_llm_cost
from ai_finops.instrument.losses import losses
from ai_finops.instrument.recorder import decorated
from tests.instrument.answers import converse, openai_chat


def test_kinds_and_signatures_are_kept(spans):
    def plain(one: int, *, two: str = "x") -> str:
        """Its own words."""

    async def coroutine(one: int) -> str: ...

    def generator(one: int) -> Iterator[str]:
        yield "x"

    async def async_generator(one: int):
        yield "x"

    for function in (plain, coroutine, generator, async_generator):
        wrapped = track_llm_cost(feature="f")(function)
        assert inspect.signature(wrapped) == inspect.signature(function)
        assert (wrapped.__name__, wrapped.__doc__) == (function.__name__, function.__doc__)
        for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert test(wrapped) == test(function)


def test_attributes_of_a_function_are_kept():
    def function(): ...

    function.retries = 3
    assert track_llm_cost(function).retries == 3


class Service:
    @track_llm_cost(feature="f")
    def method(self, model):
        return self, model

    @classmethod
    @track_llm_cost(feature="f")
    def inner_class_method(cls):
        return cls

    @track_llm_cost(feature="f")
    @classmethod
    def outer_class_method(cls):
        return cls

    @track_llm_cost(feature="f")
    @staticmethod
    def static():
        return 1

    async def __call__(self):
        return converse()


def test_methods_of_all_kinds(spans):
    service = Service()
    assert service.method("m") == (service, "m")
    assert Service.inner_class_method() is Service
    assert Service.outer_class_method() is Service
    assert service.static() == 1
    assert [span.attributes["finops.pipeline"] for span in spans.all] == [
        f"{__name__}.Service.method",
        f"{__name__}.Service.inner_class_method",
        f"{__name__}.Service.outer_class_method",
        f"{__name__}.Service.static",
    ]
    assert spans.all[0].attributes["gen_ai.request.model"] == "m"


def test_callable_objects_and_partials(spans):
    assert asyncio.run(track_llm_cost(feature="f")(Service())()) == converse()
    wrapped = track_llm_cost(feature="f")(functools.partial(lambda one, model: (one, model), 1))
    assert wrapped(model="m") == (1, "m")

    async def coroutine(one):
        return one

    assert asyncio.run(track_llm_cost(functools.partial(coroutine, 5))()) == 5
    assert [span.attributes.get("gen_ai.usage.input_tokens") for span in spans.all] == [1_000, None, None]


def test_without_parentheses_and_what_cannot_be_called(spans):
    @track_llm_cost
    def answer():
        return converse()

    answer()
    assert spans.facts()["finops.pipeline"].endswith("test_without_parentheses_and_what_cannot_be_called.answer")
    thing = object()
    assert track_llm_cost(feature="f")(thing) is thing
    assert losses() == {"not_callable": 1}


def test_a_generator_hands_on_everything(spans):
    events = []

    @track_llm_cost(feature="f")
    def generator():
        try:
            events.append(("sent", (yield "a")))
            try:
                yield "b"
            except KeyError as error:
                events.append(("thrown", error))
                yield "c"
            return "returned"
        finally:
            events.append("closed")

    running = generator()
    assert next(running) == "a"
    assert running.send(5) == "b"
    fault = KeyError("x")
    assert running.throw(fault) == "c"
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "returned"
    assert events == [("sent", 5), ("thrown", fault), "closed"]
    assert spans.facts()["finops.usage_gap"] == "not_read"


def test_a_generator_reads_the_event_with_the_usage(spans):
    @track_llm_cost(feature="f")
    def generator():
        yield {"choices": [{"delta": {"content": "SECRET"}}]}
        yield openai_chat()

    assert len(list(generator())) == 2
    said = spans.facts()
    assert said["gen_ai.usage.input_tokens"] == 300
    assert said["finops.is_stream"] is True
    assert said["finops.time_to_first_token_ms"] >= 0


def test_a_generator_that_yields_texts_may_say_its_usage_itself(spans):
    @track_llm_cost(feature="f")
    def generator():
        yield "some "
        yield "words"
        current_call().read(openai_chat())

    assert list(generator()) == ["some ", "words"]
    assert spans.facts()["gen_ai.usage.output_tokens"] == 20


def test_a_generator_that_is_left_says_so_and_is_no_error(spans):
    @track_llm_cost(feature="f")
    def generator():
        yield "a"
        yield "b"

    running = generator()
    next(running)
    running.close()
    said = spans.facts()
    assert said["finops.usage_gap"] == "stream_not_finished"
    assert "error.type" not in said


def test_a_generator_that_never_began_is_no_call(spans):
    @track_llm_cost(feature="f")
    def generator():
        yield "a"

    generator().close()
    assert spans.all == ()


def test_a_generator_fails_with_its_own_exception(spans):
    fault = ConnectionError()

    @track_llm_cost(feature="f")
    def generator():
        yield {"type": "message_start"}
        raise fault

    with pytest.raises(ConnectionError) as caught:
        list(generator())
    assert caught.value is fault
    assert spans.facts()["error.type"] == "ConnectionError"


def test_a_generator_is_current_only_while_it_works(spans):
    inside = []

    @track_llm_cost(feature="f")
    def generator():
        inside.append(trace.get_current_span())
        yield 1
        inside.append(trace.get_current_span())
        yield 2

    for _ in generator():
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert [span.get_span_context().span_id for span in inside] == [spans.one().context.span_id] * 2


def test_an_async_generator_hands_on_everything(spans):
    events = []

    @track_llm_cost(feature="f")
    async def generator():
        try:
            events.append((yield "a"))
            try:
                yield "b"
            except KeyError:
                yield openai_chat()
        finally:
            events.append("closed")

    async def main():
        running = generator()
        assert await running.__anext__() == "a"
        assert trace.get_current_span() is trace.INVALID_SPAN
        assert await running.asend(7) == "b"
        assert await running.athrow(KeyError("x")) == openai_chat()
        with pytest.raises(StopAsyncIteration):
            await running.__anext__()

    asyncio.run(main())
    assert events == [7, "closed"]
    assert spans.facts()["gen_ai.usage.input_tokens"] == 300


@pytest.mark.parametrize("way", ["break", "cancel", "raise"])
def test_an_async_generator_that_ends_early(spans, way):
    closed = []

    @track_llm_cost(feature="f")
    async def generator():
        try:
            yield "a"
            if way == "raise":
                raise ConnectionError
            await asyncio.sleep(60)
            yield "b"
        finally:
            closed.append(True)

    async def consume():
        running = generator()
        async for _ in running:
            if way == "break":
                break
        await running.aclose()

    async def main():
        task = asyncio.create_task(consume())
        for _ in range(5):
            await asyncio.sleep(0)
        if way == "cancel":
            task.cancel()
        try:
            await task
        except (asyncio.CancelledError, ConnectionError) as error:
            return type(error).__name__

    assert asyncio.run(main()) == {"break": None, "cancel": "CancelledError", "raise": "ConnectionError"}[way]
    assert closed == [True]
    said = spans.facts()
    assert (
        said.get("error.type")
        == {
            "break": None,
            "cancel": "asyncio.exceptions.CancelledError",
            "raise": "ConnectionError",
        }[way]
    )


def test_the_switch_calls_the_function_alone(spans):
    from ai_finops.instrument.switch import set_on

    @track_llm_cost(feature="f")
    def plain():
        return 1

    @track_llm_cost(feature="f")
    def generator():
        yield 1

    @track_llm_cost(feature="f")
    async def async_generator():
        yield 1

    async def collect():
        return [item async for item in async_generator()]

    with set_on(False):
        assert plain() == 1
        assert list(generator()) == [1]
        assert asyncio.run(collect()) == [1]
        with track_llm_cost(feature="f") as call:
            call.read(converse())
            assert call.call.feature_id is None
    assert spans.all == ()
    plain()
    assert len(spans.all) == 1


def test_decorated_functions_are_listed():
    track_llm_cost(feature="listed", pipeline="its-code")(lambda: None)
    assert ("track_llm_cost", "its-code", "listed") in decorated()
