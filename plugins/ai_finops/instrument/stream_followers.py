"""Who looks on at one stream: its two callbacks, the iterators that call them, and the notice of a stream that was dropped.

A dropped stream is noticed when Python frees it, which may be in the middle of anything, under any lock; its end is therefore
told later, by `telling`.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.telling import start_teller, tell_later

OnEvent = Callable[[Any], None]
OnEnd = Callable[[BaseException | None], None]


class Follower:
    """The two callbacks of one stream; the second is called once."""

    __slots__ = ("_on_end", "_on_event", "_opened", "earlier")

    def __init__(self, on_event: OnEvent, on_end: OnEnd, opened: object) -> None:
        self._on_event: OnEvent | None = on_event
        self._on_end = [on_end]
        self._opened = opened
        self.earlier: Follower | None = None
        """Who looked on at the same stream before."""

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

_LATEST = "_ai_finops_latest_follower"

_watched: dict[int, tuple[weakref.ref[Any], Follower]] = {}
_is_exit_watched = False
_lock = threading.Lock()


def watch(stream: Any, follower: Follower) -> None:
    """Tell the end when the stream is dropped, or at exit, if it was not told before."""
    key = id(follower)

    def dropped(_: object) -> None:
        found = _watched.pop(key, None)
        if found is not None:
            tell_later(partial(_end_in_order, found[1]))

    start_teller()
    if not _is_exit_watched:
        _watch_exit()
    follower.earlier = vars(stream).get(_LATEST)
    vars(stream)[_LATEST] = follower
    _watched[key] = (weakref.ref(stream, dropped), follower)


def _watch_exit() -> None:
    global _is_exit_watched
    with _lock:
        if not _is_exit_watched:
            atexit.register(_end_watched)  # after the teller has, so that this runs before it finishes
            _is_exit_watched = True


def _end_in_order(latest: Follower) -> None:
    """End all followers of a dropped stream, the first one first: of weak references Python calls the last one first.

    What was decorated inside has to end before what was decorated around it, which repeats its usage.
    """
    followers: list[Follower] = []
    follower: Follower | None = latest
    while follower is not None:
        followers.append(follower)
        follower = follower.earlier
    for each in reversed(followers):
        each.end(GeneratorExit())


def _end_watched() -> None:
    """At exit: what was not read to its end by now never will be."""
    for _, follower in list(_watched.values()):
        follower.end(GeneratorExit())


def _forget_in_child() -> None:
    """After a fork: the parent's streams are the parent's to tell of."""
    global _is_exit_watched, _lock
    atexit.unregister(_end_watched)  # registered again, after what the child sets up
    _watched.clear()
    _is_exit_watched, _lock = False, threading.Lock()


def _nothing() -> None:
    """Where an iterator has no `close`."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
