"""Not run: what a type checker has to find in it is in `test_types`."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from ai_finops.instrument import carry, feature, from_headers, instrument_llm, track_llm_cost


@track_llm_cost(feature="f", model_tier="cheap")
def plain(one: int, *, two: str = "x") -> list[str]:
    return [two] * one


@instrument_llm(feature="f")
@track_llm_cost
async def coroutine(one: int) -> bytes:
    return b"x" * one


@track_llm_cost(feature="f")
def generator() -> Iterator[int]:
    yield 1


@track_llm_cost(feature="f")
async def async_generator() -> AsyncIterator[int]:
    yield 1


@feature("f")
async def asked(one: int) -> bytes:
    return b"x" * one


class Service:
    @track_llm_cost(feature="f")
    def method(self, model: str) -> float:
        return len(model) / 2


async def use() -> None:
    assert_type(plain(1, two="y"), list[str])
    assert_type(generator(), Iterator[int])
    assert_type(async_generator(), AsyncIterator[int])
    assert_type(Service().method("m"), float)
    assert_type(await coroutine(1), bytes)
    with track_llm_cost(feature="f") as call:
        call.set_model("m")
    async with instrument_llm(feature="f") as call:
        call.read(5)
    with feature("f", journey="j"), from_headers([("baggage", b"a=b")]), from_headers(None), from_headers({"a": "b"}):
        assert_type(carry(plain)(1, two="y"), list[str])
    assert_type(await asked(1), bytes)
    assert_type(await carry(coroutine)(1), bytes)
    await asked("wrong")  # expected: arg-type
    plain("wrong")  # expected: arg-type
    Service().method()  # expected: call-arg
    track_llm_cost(featur="f")  # expected: call-overload
