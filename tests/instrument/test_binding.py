"""`carry` and `feature` on functions of every kind: who asked is known inside, and nothing stays outside."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

from ai_finops.instrument import carry, feature, track_llm_cost
from ai_finops.instrument.attribution import NOBODY, _carried, asked_by, carry_along
from ai_finops.instrument.losses import forget_losses, losses


@pytest.fixture(autouse=True)
def from_zero():
    """Each test counts from zero, and leaves nobody behind."""
    forget_losses()
    yield
    assert asked_by() == NOBODY
    forget_losses()


def who():
    return asked_by().feature_id


async def later(value=None):
    await asyncio.sleep(0)
    return value or who()


class Callable:
    async def __call__(self):
        return await later()


async def coroutine():
    return await later()


def coroutine_in_a_plain_function():
    return coroutine()


BINDERS = [feature("search"), None]


def bound(binder, function):
    """By `@feature("search")`, or by `carry` where that feature asks."""
    if binder is not None:
        return binder(function)
    with feature("search"):
        return carry(function)


@pytest.mark.parametrize("binder", BINDERS)
def test_plain_functions(binder):
    assert bound(binder, who)() == "search"
    assert bound(binder, who).__name__ == "who"
    assert bound(binder, functools.partial(max, 1))(2) == 2


@pytest.mark.parametrize("binder", BINDERS)
@pytest.mark.parametrize(
    "function", [coroutine, coroutine_in_a_plain_function, functools.partial(coroutine), Callable()]
)
def test_coroutines_know_who_asked_to_their_end(binder, function):
    work = bound(binder, function)

    async def main():
        assert await asyncio.gather(*(work() for _ in range(10))) == ["search"] * 10
        assert asked_by() == NOBODY

    asyncio.run(main())
    assert losses() == {}


def test_the_kind_of_a_function_stays():
    async def agen():
        yield

    def gen():
        yield

    for binder in BINDERS:
        assert inspect.iscoroutinefunction(bound(binder, coroutine))
        assert inspect.isgeneratorfunction(bound(binder, gen))
        assert inspect.isasyncgenfunction(bound(binder, agen))


@pytest.mark.parametrize("binder", BINDERS)
def test_generators_know_who_asked_in_each_step_and_those_who_take_do_not(binder):
    def items(first):
        said = [(first, who())]
        try:
            while len(said) < 3:
                got = yield who()
                said.append((got, who()))
        except KeyError as error:
            said.append((type(error).__name__, who()))
        yield said
        return "returned"

    generator = bound(binder, items)("a")
    assert next(generator) == "search"
    assert asked_by() == NOBODY
    with feature("taker"):
        assert generator.send("b") == "search"
        assert who() == "taker"
    assert generator.throw(KeyError()) == [("a", "search"), ("b", "search"), ("KeyError", "search")]
    with pytest.raises(StopIteration) as ended:
        next(generator)
    assert ended.value.value == "returned"
    assert losses() == {}


def test_a_generator_that_is_closed_or_fails_does_so_inside():
    said = []

    @feature("search")
    def items(*, fails):
        try:
            yield 1
            if fails:
                raise LookupError
        finally:
            said.append(who())

    for fails in (False, True):
        generator = items(fails=fails)
        next(generator)
        if fails:
            with pytest.raises(LookupError):
                next(generator)
        else:
            generator.close()
            with pytest.raises(StopIteration):
                next(generator)
    assert said == ["search", "search"]


@pytest.mark.parametrize("binder", BINDERS)
def test_async_generators_know_who_asked_in_each_step(binder):
    said = []

    async def items():
        try:
            said.append((await later("got"), who()))
            got = yield 1
            said.append((got, who()))
            try:
                yield 2
            except KeyError:
                said.append(("thrown", who()))
            yield 3
        finally:
            await asyncio.sleep(0)
            said.append(("closed", who()))

    async def main():
        generator = bound(binder, items)()
        assert await anext(generator) == 1
        assert asked_by() == NOBODY
        assert await generator.asend("sent") == 2
        assert await generator.athrow(KeyError()) == 3
        assert asked_by() == NOBODY
        await generator.aclose()
        assert [item async for item in bound(binder, items)()] == [1, 2, 3]

    asyncio.run(main())
    first = [(word, "search") for word in ("got", "sent", "thrown", "closed")]
    assert said == [*first, ("got", "search"), (None, "search"), ("closed", "search")]
    assert losses() == {}


def test_a_block_that_a_generator_holds_is_there_in_its_next_step_and_nowhere_else():
    @feature("search")
    def items():
        with feature("own", override=True):
            for _ in range(3):
                yield who()
        yield who()

    found = []
    for item in items():
        assert asked_by() == NOBODY
        found.append(item)
    assert found == ["own", "own", "own", "search"]
    assert losses() == {}


def test_a_step_sees_who_asked_when_the_first_began(spans):
    @feature("own")
    def items():
        yield who()
        yield who()

    with feature("asked"):
        generator = items()
        assert next(generator) == "asked"
    assert list(generator) == ["asked"]


def test_a_decorator_says_nothing_of_what_was_said_where_it_stands():
    with feature("import_time"):
        decorated = feature("search")(who)
    assert decorated() == "search"
    with feature("asked"):
        assert decorated() == "asked"


def test_methods_of_every_kind():
    class Service:
        @feature("search")
        def method(self):
            return self, who()

        @feature("search")
        @staticmethod
        def static():
            return who()

        @feature("search")
        @classmethod
        def of_class(cls):
            return cls, who()

    service = Service()
    assert service.method() == (service, "search")
    assert service.static() == Service.static() == "search"
    assert service.of_class() == (Service, "search")


def test_one_block_serves_many_tasks_at_once():
    block = feature("search")

    async def serve(turns):
        with block:
            for _ in range(turns):
                await asyncio.sleep(0)
                assert who() == "search"
        assert asked_by() == NOBODY

    async def main():
        await asyncio.gather(*(serve(turns) for turns in (3, 1, 2)))

    asyncio.run(main())
    with block, block:
        assert who() == "search"
    assert losses() == {}


def test_variables_of_this_package_are_carried_and_put_back():
    variable = contextvars.ContextVar("variable", default=None)
    carry_along(variable)
    carry_along(variable)
    try:
        assert _carried.count(variable) == 1
        variable.set("outer")

        def work():
            found = variable.get()
            variable.set("inner")
            return found

        carried = carry(work)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(carried).result() == "outer"
            assert pool.submit(carried).result() == "outer"
            assert pool.submit(variable.get).result() is None
        variable.set("now")
        assert carried() == "outer"
        assert variable.get() == "now"
    finally:
        _carried.remove(variable)
        variable.set(None)


def test_a_carried_generator_keeps_what_it_set_for_itself():
    variable = contextvars.ContextVar("variable", default=None)
    carry_along(variable)
    try:

        def items():
            yield variable.get()
            variable.set("own")
            yield variable.get()
            yield variable.get()

        variable.set("outer")
        generator = carry(items)()
        variable.set("now")
        assert [(item, variable.get()) for item in generator] == [("outer", "now"), ("own", "now"), ("own", "now")]
    finally:
        _carried.remove(variable)
        variable.set(None)


def test_a_coroutine_that_is_thrown_away_in_another_context_changes_nothing_there():
    @feature("search")
    async def waits():
        await asyncio.Future()

    def begin():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            coroutine = waits()
            coroutine.send(None)
            return coroutine
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    left = contextvars.copy_context().run(begin)
    with feature("here"):
        left.close()
        assert who() == "here"
    assert losses() == {"context_not_restored": 1}


def test_a_call_in_a_thread_is_inside_the_one_that_carried_it(spans):
    """What `run.py` registers is carried: the answer of the call inside is not counted for the one around it."""
    body = {
        "object": "chat.completion",
        "id": "c",
        "model": "gpt-4o-mini",
        "choices": [],
        "usage": {"prompt_tokens": 5},
    }
    inner = track_llm_cost(pipeline="inner")(lambda: body)

    @track_llm_cost(pipeline="outer")
    def outer():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(carry(inner)).result()

    outer()
    counted = [
        span.attributes["finops.pipeline"] for span in spans.all if "gen_ai.usage.input_tokens" in span.attributes
    ]
    assert counted == ["inner"]


def test_the_trace_goes_along(spans):
    with spans.provider.get_tracer("x").start_as_current_span("root") as root:
        carried = carry(trace.get_current_span)
    assert carried() is root
