"""Wrapping a function of any kind so that each call of it is one run: sync, async, generator and async generator.

The wrapper is of the same kind as the function, has its signature, and hands on the same value or the same exception.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import CoroutineType
from typing import Any, TypeVar

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.options import Options
from ai_finops.instrument.run import Run
from ai_finops.instrument.switch import switch

F = TypeVar("F", bound=Callable[..., Any])

_OF_CACHES = ("cache_clear", "cache_info", "cache_parameters")
"""What `functools.lru_cache` offers beside the call."""
_MODEL_PARAMETERS = ("model", "modelId", "model_id")
MARK = "__ai_finops_recorded__"
"""On a wrapper: kinds of recording that it does, its own and those of what it wraps."""

Starter = Callable[[tuple[Any, ...], dict[str, Any]], "Run | None"]


def follow_function(function: F, *, kind: type[Run], options: Options) -> F:
    """Return `function` wrapped so that each call is one run of `kind`; what cannot be called is returned as it is."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(follow_function(function.__func__, kind=kind, options=options))  # type: ignore[return-value]
    if not callable(function) or inspect.isclass(function):  # of a class, only its methods can be recorded
        count_loss("not_callable", detail=type(function).__name__)
        return function
    start = _starter(function, kind=kind, options=options)
    wrapper = _wrap(function, start)
    kinds = getattr(function, MARK, ())
    functools.update_wrapper(wrapper, function)
    setattr(wrapper, MARK, (*kinds, kind.__name__))
    for name in _OF_CACHES:
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    return wrapper  # type: ignore[return-value]


def is_recorded(function: object) -> bool:
    """Whether a function carries a decorator of this package already."""
    return bool(getattr(function, MARK, ()))


def _starter(function: Callable[..., Any], *, kind: type[Run], options: Options) -> Starter:
    find_model = _model_finder(function)

    def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run | None:
        if not switch.is_on:
            return None
        try:
            return kind(options, find_model(args, kwargs))
        except Exception as error:  # noqa: BLE001  the product's call goes on without being recorded
            count_loss("call_unrecorded", detail=type(error).__name__)
            return None

    return start


def _model_finder(function: Callable[..., Any]) -> Callable[[tuple[Any, ...], dict[str, Any]], object]:
    """How to find the model among the arguments of a call: by the name of a keyword, or the place of such a parameter."""
    place, default = None, None
    try:
        for index, parameter in enumerate(inspect.signature(function).parameters.values()):
            if parameter.name in _MODEL_PARAMETERS:
                default = parameter.default if isinstance(parameter.default, str) else None
                if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                    place = index
                break
    except (TypeError, ValueError):  # some built-ins have no signature
        pass

    def find(args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        if kwargs:
            for name in _MODEL_PARAMETERS:
                if name in kwargs:
                    return kwargs[name]
        return args[place] if place is not None and len(args) > place else default

    return find


def _wrap(function: Callable[..., Any], start: Starter) -> Callable[..., Any]:
    called: Any = function
    while isinstance(called, functools.partial):
        called = called.func
    if not inspect.isroutine(called):
        called = type(called).__call__
    if inspect.isasyncgenfunction(called):
        return _wrap_async_generator(function, start)
    if inspect.iscoroutinefunction(called) or _is_old_coroutine(called):
        return _wrap_coroutine(function, start)
    if inspect.isgeneratorfunction(called):
        return _wrap_generator(function, start)
    return _wrap_plain(function, start)


def _wrap_plain(function: Callable[..., Any], start: Starter) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = start(args, kwargs)
        if run is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            run.leave()
            run.fail(error)
            raise
        run.leave()
        if type(result) is CoroutineType:  # of a function around an async one, as SDKs have: it runs when it is awaited
            return _awaited(result, run)
        run.finish(result)
        return result

    return wrapper


async def _awaited(coroutine: CoroutineType[Any, Any, Any], run: Run) -> Any:
    run.enter()
    try:
        result = await coroutine
    except BaseException as error:
        run.leave()
        run.fail(error)
        raise
    run.leave()
    run.finish(result)
    return result


def _is_old_coroutine(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _wrap_coroutine(function: Callable[..., Any], start: Starter) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = start(args, kwargs)
        if run is None:
            return await function(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            run.leave()
            run.fail(error)
            raise
        run.leave()
        run.finish(result)
        return result

    return wrapper


def _wrap_generator(function: Callable[..., Any], start: Starter) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)  # wrong arguments raise before anything is recorded
        run = start(args, kwargs)
        if run is None:
            return (yield from generator)
        run.leave()  # a generator shares the context of whoever asks for its next item: ours is only set while it works
        return (yield from _step_through(generator, run))

    return wrapper


def _step_through(generator: Generator[Any, Any, Any], run: Run) -> Generator[Any, Any, Any]:
    """Hand on items, sent values, exceptions and the return value, as `yield from` does."""
    step: Callable[[], Any] = generator.__next__ if hasattr(generator, "__next__") else iter(generator).__next__
    while True:
        run.enter()
        try:
            item = step()
        except StopIteration as stop:
            run.leave()
            run.exhausted()
            return stop.value
        except BaseException as error:
            run.leave()
            run.fail(error)
            raise
        run.leave()
        run.event(item)
        try:
            sent = yield item
        except BaseException as thrown:  # noqa: BLE001  handed to the wrapped generator, which decides
            step = functools.partial(generator.throw, thrown)
        else:
            step = functools.partial(generator.send, sent)


def _wrap_async_generator(function: Callable[..., Any], start: Starter) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        run = start(args, kwargs)
        if run is not None:
            run.leave()
        step: Callable[[], Any] = generator.__anext__
        while True:
            if run is not None:
                run.enter()
            try:
                item = await step()
            except StopAsyncIteration:
                if run is not None:
                    run.leave()
                    run.exhausted()
                return
            except BaseException as error:
                if run is not None:
                    run.leave()
                    run.fail(error)
                raise
            if run is not None:
                run.leave()
                run.event(item)
            try:
                sent = yield item
            except BaseException as thrown:  # noqa: BLE001  handed to the wrapped generator, which decides
                step = functools.partial(generator.athrow, thrown)
            else:
                step = functools.partial(generator.asend, sent)

    return wrapper
