"""Looking on while the caller reads a stream that a function returned. The object that the caller has stays the same object.

OpenAI's and Anthropic's streams and botocore's event stream keep an iterator of their own, which is put inside of one that
looks on; LiteLLM's stream has none, so its class is exchanged for a subclass of itself. A plain generator has neither.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.stream_followers import Followed, FollowedAsync, Follower, OnEnd, OnEvent, watch
from ai_finops.instrument.usage import read_opened

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
    follower: Follower | None = None
    try:
        stream, hook = _hook_of(result)
        if hook is None:
            return False
        opened = read_opened(result) if stream is not result and isinstance(result, dict) else None
        follower = Follower(on_event, on_end, opened)
        hook(stream, follower)
        watch(stream, follower)
    except Exception as error:  # noqa: BLE001 - the caller's stream goes on without us
        if follower is not None:
            follower.forget()  # a part of it may look on already
        count_loss("stream_unfollowed", detail=type(error).__name__)
        return False
    return True


def _hook_of(result: Any) -> tuple[Any, Callable[[Any, Follower], None] | None]:
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


def _hook_iterator(stream: Any, follower: Follower) -> None:
    inner = stream._iterator
    is_async = hasattr(inner, "__anext__")
    stream._iterator = FollowedAsync(inner, follower) if is_async else Followed(inner, follower)
    _hook_close(stream, follower, is_async=is_async, holds=getattr(stream, "response", None))


def _hook_raw_stream(holder: Any, follower: Follower) -> None:
    """Look on inside: a helper makes more events out of each that it reads, and may be read by one of several iterators."""
    _hook_iterator(holder._raw_stream, follower)


def _hook_event_stream(stream: Any, follower: Follower) -> None:
    """Look on at what botocore parsed, and at the end of the raw messages."""
    parse, this = type(stream)._parse_event, weakref.ref(stream)
    stream._event_generator = Followed(stream._event_generator, follower, tells_events=False)

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


def _both(earlier: Callable[[Any], Any], follower: Follower) -> Callable[[Any], Any]:
    """Parse with a hook that is there already, and look on at what it returns."""

    def parse_event(message: Any) -> Any:
        event = earlier(message)
        if event:
            follower.event(event)
        return event

    return parse_event


def _hook_close(stream: Any, follower: Follower, *, is_async: bool, holds: Any) -> None:
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


def _hook_by_class(stream: Any, follower: Follower) -> None:
    followers = stream.__dict__.setdefault(_FOLLOWERS, [])
    followers.append(follower)
    if len(followers) == 1:
        stream.__class__ = _followed_class(type(stream))  # type: ignore[arg-type]


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
