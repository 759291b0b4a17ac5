"""Functions of every kind run in a place of their own: plain ones, coroutines, generators and asynchronous generators.

Generators are in it for each of their steps, so that between them nothing is left with whoever takes the items.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from types import CoroutineType
from typing import Any, TypeVar, cast

from ai_finops.instrument.attaching import Stay

F = TypeVar("F", bound=Callable[..., Any])


def bind(function: F, stay: Callable[[], Stay]) -> F:
    """Return a function of the same kind that runs in the place that `stay` makes for each call, or first step."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(bind(function.__func__, stay))
    called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    if inspect.isasyncgenfunction(function) or inspect.isasyncgenfunction(called):
        bound: Any = _async_generator(function, stay)
    elif inspect.isgeneratorfunction(function) or inspect.isgeneratorfunction(called):
        bound = _generator(function, stay)
    elif inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
        bound = _coroutine(function, stay)
    else:
        bound = _plain(function, stay)
    return cast(F, wraps(function)(bound))


def _plain(function: Callable[..., Any], stay: Callable[[], Stay]) -> Callable[..., Any]:
    def bound(*args: Any, **kwargs: Any) -> Any:
        with stay():
            result = function(*args, **kwargs)
        # A plain function around a coroutine function: what it does is still to come.
        return _awaited(result, stay()) if type(result) is CoroutineType else result

    return bound


def _coroutine(function: Callable[..., Any], stay: Callable[[], Stay]) -> Callable[..., Any]:
    async def bound(*args: Any, **kwargs: Any) -> Any:
        with stay():
            return await function(*args, **kwargs)

    return bound


async def _awaited(coroutine: Coroutine[Any, Any, Any], stay: Stay) -> Any:
    with stay:
        return await coroutine


def _generator(function: Callable[..., Any], stay: Callable[[], Stay]) -> Callable[..., Any]:
    def bound(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        place, generator = stay(), function(*args, **kwargs)
        step: Callable[[Any], Any] = generator.send
        argument: Any = None
        while True:
            with place:
                try:
                    item = step(argument)
                except StopIteration as ended:
                    return ended.value
            try:
                step, argument = generator.send, (yield item)
            except GeneratorExit:
                with place:
                    generator.close()
                raise
            except BaseException as error:  # noqa: BLE001  it is the generator's to handle
                step, argument = generator.throw, error

    return bound


def _async_generator(function: Callable[..., Any], stay: Callable[[], Stay]) -> Callable[..., Any]:
    async def bound(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        place, generator = stay(), function(*args, **kwargs)
        step: Callable[[Any], Any] = generator.asend
        argument: Any = None
        while True:
            with place:
                try:
                    item = await step(argument)
                except StopAsyncIteration:
                    return
            try:
                step, argument = generator.asend, (yield item)
            except GeneratorExit:
                with place:
                    await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001  it is the generator's to handle
                step, argument = generator.athrow, error

    return bound
