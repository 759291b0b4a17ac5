"""Who looks on at one stream: its two callbacks, the iterators that call them, and the notice of a stream that was dropped.

A dropped stream is noticed when Python frees it, which may be in the middle of anything, under any lock; its end is therefore
told on a thread of its own.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from queue import SimpleQueue
from typing import Any

from ai_finops.instrument.losses import count_loss

OnEvent = Callable[[Any], None]
OnEnd = Callable[[BaseException | None], None]


class Follower:
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


class Followed:
    """A sync iterator that looks on."""

    __slots__ = ("_follower", "_inner", "_tells_events")

    def __init__(self, inner: Iterator[Any], follower: Follower, *, tells_events: bool = True) -> None:
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


class FollowedAsync:
    """An async iterator that looks on."""

    __slots__ = ("_follower", "_inner")

    def __init__(self, inner: AsyncIterator[Any], follower: Follower) -> None:
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


# Streams that are dropped before their end.

_watched: dict[int, tuple[weakref.ref[Any], Follower]] = {}
_dropped: SimpleQueue[Follower] = SimpleQueue()
_teller: threading.Thread | None = None
_lock = threading.Lock()


def watch(stream: Any, follower: Follower) -> None:
    """Tell the end when the stream is dropped, or at exit, if it was not told before."""
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
