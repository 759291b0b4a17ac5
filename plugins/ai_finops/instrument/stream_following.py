"""Looking on while the caller reads a stream that a function returned. The object that the caller has stays the same object.

OpenAI's and Anthropic's streams and botocore's event stream keep an iterator of their own, which is put inside of one that
looks on; LiteLLM's stream has none, so its class is exchanged for a subclass of itself. A plain generator has neither.

A stream that is dropped halfway is noticed when Python frees it, which may be in the middle of anything, under any lock; its
end is therefore told on a thread of its own.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from queue import SimpleQueue
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.usage import read_opened

OnEvent = Callable[[Any], None]
OnEnd = Callable[[BaseException | None], None]

_STREAMS = ("Stream", "AsyncStream")
_HOLDERS = "MessageStream", "ChatCompletionStream", "ResponseStream"
"""Helpers of the SDKs around a stream, each also with `Async` or `Beta` before its name."""
_FOLLOWERS = "_ai_finops_followers"
_READING = "_ai_finops_is_reading"


def follow(result: object, *, on_event: OnEvent, on_end: OnEnd) -> bool:
    """Look on while `result` is read; False where it is no stream that can be followed. Never raises.

    Args:
        result: What a function returned: a stream of the OpenAI or Anthropic SDK, boto3's answer with an event stream in it,
            or LiteLLM's stream.
        on_event: Called with each event before the caller gets it. Before the first event of a boto3 answer it gets what
            the answer itself said, as a `Reading`.
        on_end: Called once: with None when the stream was read to its end, with the error that broke it, or with a
            `GeneratorExit` when it was closed or dropped before. Must not hold `result`, else it is never dropped.
    """
    try:
        stream, hook = _hook_of(result)
        if hook is None:
            return False
        opened = read_opened(result) if stream is not result and isinstance(result, dict) else None
        follower = _Follower(on_event, on_end, opened)
        hook(stream, follower)
        _watch(stream, follower)
    except Exception as error:  # noqa: BLE001 - the caller's stream goes on without us
        count_loss("stream_unfollowed", detail=type(error).__name__)
        return False
    return True


class _Follower:
    """The two callbacks of one stream; the second is called once."""

    __slots__ = ("_on_end", "_on_event", "_opened")

    def __init__(self, on_event: OnEvent, on_end: OnEnd, opened: object) -> None:
        self._on_event: OnEvent | None = on_event
        self._on_end = [on_end]
        self._opened = opened

    def event(self, event: object) -> None:
        on_event = self._on_event
        if on_event is None:
            return
        try:
            if self._opened is not None:
                opened, self._opened = self._opened, None
                on_event(opened)
            on_event(event)
        except Exception as error:  # noqa: BLE001 - the caller's stream goes on
            count_loss("stream_event_unread", detail=type(error).__name__)

    def end(self, error: BaseException | None) -> None:
        try:
            on_end = self._on_end.pop()  # of two threads, one gets it
        except IndexError:
            return
        self._on_event = None
        _watched.pop(id(self), None)
        try:
            on_end(error)
        except Exception as fault:  # noqa: BLE001 - as above
            count_loss("stream_end_unread", detail=type(fault).__name__)


class _Followed:
    """A sync iterator that looks on."""

    __slots__ = ("_follower", "_inner", "_tells_events")

    def __init__(self, inner: Iterator[Any], follower: _Follower, *, tells_events: bool = True) -> None:
        self._inner = inner
        self._follower = follower
        self._tells_events = tells_events

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            event = self._inner.__next__()
        except StopIteration:
            self._follower.end(None)
            raise
        except BaseException as error:
            self._follower.end(error)
            raise
        if self._tells_events:
            self._follower.event(event)
        return event

    def close(self) -> None:
        try:
            getattr(self._inner, "close", _nothing)()
        finally:
            self._follower.end(GeneratorExit())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _FollowedAsync:
    """An async iterator that looks on."""

    __slots__ = ("_follower", "_inner")

    def __init__(self, inner: AsyncIterator[Any], follower: _Follower) -> None:
        self._inner = inner
        self._follower = follower

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            event = await self._inner.__anext__()
        except StopAsyncIteration:
            self._follower.end(None)
            raise
        except BaseException as error:
            self._follower.end(error)
            raise
        self._follower.event(event)
        return event

    async def aclose(self) -> None:
        try:
            if hasattr(self._inner, "aclose"):
                await self._inner.aclose()
        finally:
            self._follower.end(GeneratorExit())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _hook_of(result: Any) -> tuple[Any, Callable[[Any, _Follower], None] | None]:
    """Return the stream in `result` and how to look on, None where there is neither."""
    if isinstance(result, dict):
        for name in ("stream", "body"):
            if _is(type(result.get(name)), "botocore", ("EventStream",)):
                return result[name], _hook_event_stream
        return result, None
    cls = type(result)
    if _is(cls, "botocore", ("EventStream",)):
        return result, _hook_event_stream
    if _is(cls, "litellm", ("CustomStreamWrapper", "BaseResponsesAPIStreamingIterator")):
        return result, _hook_by_class
    for package in ("openai", "anthropic"):
        if _is(cls, package, _STREAMS):
            return result, _hook_iterator
        if _is_holder(cls, package) and _is(type(getattr(result, "_raw_stream", None)), package, _STREAMS):
            return result, _hook_raw_stream
    return result, None


def _is(cls: type, package: str, names: tuple[str, ...]) -> bool:
    return any(base.__name__ in names and base.__module__.partition(".")[0] == package for base in cls.__mro__)


def _is_holder(cls: type, package: str) -> bool:
    return cls.__module__.partition(".")[0] == package and cls.__name__.endswith(_HOLDERS)


def _hook_iterator(stream: Any, follower: _Follower) -> None:
    inner = stream._iterator
    is_async = hasattr(inner, "__anext__")
    stream._iterator = _FollowedAsync(inner, follower) if is_async else _Followed(inner, follower)
    _hook_close(stream, follower, is_async=is_async, holds=getattr(stream, "response", None))


def _hook_raw_stream(holder: Any, follower: _Follower) -> None:
    """Look on inside: a helper makes more events out of each that it reads, and may be read by one of several iterators."""
    _hook_iterator(holder._raw_stream, follower)


def _hook_event_stream(stream: Any, follower: _Follower) -> None:
    """Look on at what botocore parsed, and at the end of the raw messages."""
    parse, this = type(stream)._parse_event, weakref.ref(stream)
    stream._event_generator = _Followed(stream._event_generator, follower, tells_events=False)

    @functools.wraps(parse)
    def parse_event(message: Any) -> Any:
        try:
            event = parse(this(), message)
        except BaseException as error:
            follower.end(error)
            raise
        if event:
            follower.event(event)
        return event

    earlier = stream.__dict__.get("_parse_event")
    stream._parse_event = parse_event if earlier is None else _both(earlier, follower)
    _hook_close(stream, follower, is_async=False, holds=getattr(stream, "_raw_stream", None))


def _both(earlier: Callable[[Any], Any], follower: _Follower) -> Callable[[Any], Any]:
    """Parse with a hook that is there already, and look on at what it returns."""

    def parse_event(message: Any) -> Any:
        event = earlier(message)
        if event:
            follower.event(event)
        return event

    return parse_event


def _hook_close(stream: Any, follower: _Follower, *, is_async: bool, holds: Any) -> None:
    """Notice that the caller closes the stream. The stream is not held, so that it is freed as soon as without us.

    Args:
        holds: What closing the stream closes; closed itself if `close` is all that is left of the stream.
    """
    earlier, this = stream.__dict__.get("close"), weakref.ref(stream)
    close = type(stream).close

    def close_sync() -> Any:
        try:
            if earlier is not None:
                return earlier()
            target = this()
            return holds.close() if target is None else close(target)
        finally:
            follower.end(GeneratorExit())

    async def close_async() -> Any:
        try:
            if earlier is not None:
                return await earlier()
            target = this()
            return await (holds.aclose() if target is None else close(target))
        finally:
            follower.end(GeneratorExit())

    stream.close = functools.wraps(close)(close_async if is_async else close_sync)


def _hook_by_class(stream: Any, follower: _Follower) -> None:
    followers = stream.__dict__.setdefault(_FOLLOWERS, [])
    followers.append(follower)
    if len(followers) == 1:
        stream.__class__ = _followed_class(type(stream))


@lru_cache(maxsize=64)
def _followed_class(cls: type) -> type:
    """Return a subclass of the stream's class that looks on, under the same name."""

    def step(self: Any) -> Any:
        self.__dict__[_READING] = True
        try:
            event = cls.__next__(self)  # type: ignore[attr-defined]
        except StopIteration:
            _end_all(self, None)
            raise
        except BaseException as error:
            _end_all(self, error)
            raise
        finally:
            self.__dict__[_READING] = False
        _tell_all(self, event)
        return event

    async def step_async(self: Any) -> Any:
        self.__dict__[_READING] = True
        try:
            event = await cls.__anext__(self)  # type: ignore[attr-defined]
        except StopAsyncIteration:
            _end_all(self, None)
            raise
        except BaseException as error:
            _end_all(self, error)
            raise
        finally:
            self.__dict__[_READING] = False
        _tell_all(self, event)
        return event

    def close(self: Any) -> Any:
        try:
            return cls.close(self)  # type: ignore[attr-defined]
        finally:
            _end_unless_reading(self)

    async def aclose(self: Any) -> Any:
        try:
            return await cls.aclose(self)  # type: ignore[attr-defined]
        finally:
            _end_unless_reading(self)

    methods = {"__next__": step, "__anext__": step_async, "close": close, "aclose": aclose}
    there = {
        name: functools.wraps(getattr(cls, name))(method) for name, method in methods.items() if hasattr(cls, name)
    }
    same = {name: getattr(cls, name) for name in ("__qualname__", "__module__", "__doc__")}
    return type(cls)(cls.__name__, (cls,), {**there, **same})


def _tell_all(stream: Any, event: Any) -> None:
    for follower in stream.__dict__.get(_FOLLOWERS, ()):
        follower.event(event)


def _end_all(stream: Any, error: BaseException | None) -> None:
    for follower in stream.__dict__.get(_FOLLOWERS, ()):
        follower.end(error)


def _end_unless_reading(stream: Any) -> None:
    """A stream that closes itself at its end is closed within a step, which tells the end."""
    if not stream.__dict__.get(_READING):
        _end_all(stream, GeneratorExit())


# Streams that are dropped before their end.

_watched: dict[int, tuple[weakref.ref[Any], _Follower]] = {}
_dropped: SimpleQueue[_Follower] = SimpleQueue()
_teller: threading.Thread | None = None
_lock = threading.Lock()


def _watch(stream: Any, follower: _Follower) -> None:
    key = id(follower)

    def dropped(_: object) -> None:
        found = _watched.pop(key, None)
        if found is not None:
            _dropped.put(found[1])  # made for this: it takes no lock that the freed object's thread may hold

    _watched[key] = (weakref.ref(stream, dropped), follower)
    if _teller is None:
        _start_teller()


def _start_teller() -> None:
    global _teller
    with _lock:
        if _teller is None:
            atexit.register(_end_watched)  # here, so that it runs before what was set up earlier shuts down
            _teller = threading.Thread(target=_tell_dropped, name="ai-finops-dropped-streams", daemon=True)
            _teller.start()


def _tell_dropped() -> None:
    while True:
        _dropped.get().end(GeneratorExit())


def _end_watched() -> None:
    """At exit: what was not read to its end by now never will be."""
    for _, follower in list(_watched.values()):
        follower.end(GeneratorExit())
    while not _dropped.empty():
        _dropped.get().end(GeneratorExit())


def _forget_in_child() -> None:
    """After a fork: the thread is not there, and the parent's streams are the parent's to tell of."""
    global _teller, _lock, _dropped
    _watched.clear()
    _lock, _dropped, _teller = threading.Lock(), SimpleQueue(), None


def _nothing() -> None:
    """Where an iterator has no `close`."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
