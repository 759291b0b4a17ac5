"""Waiting in a thread for what may be a value or a coroutine."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any


class NotSent(RuntimeError):
    """The loop has ended or stands still, so the coroutine never began."""


def waited(said: Any, *, loop: asyncio.AbstractEventLoop | None, timeout_s: float) -> Any:
    """Return a value as it is, and what a coroutine returns; called in a thread that has no loop of its own.

    Args:
        loop: Where a coroutine runs: async clients belong to the loop that they were first used on. None: a loop is made.
    Raises:
        TimeoutError: It took longer; it is cancelled then.
        NotSent: The loop is closed, or did not begin it in that time.
    """
    if not inspect.isawaitable(said):
        return said
    turn = [None]
    timed = _within(said, timeout_s, turn)
    if loop is None:
        return asyncio.run(timed)
    try:
        future = asyncio.run_coroutine_threadsafe(timed, loop)
    except RuntimeError as error:
        timed.close()
        _close(said)
        raise NotSent("the loop is closed") from error
    try:
        # A second more: a loop that stands still does not keep the time.
        return future.result(timeout_s + 1)
    except TimeoutError:
        future.cancel()
        if _took(turn):
            _close(said)
            raise NotSent("the loop did not begin it") from None
        raise


async def _within(said: Awaitable[Any], timeout_s: float, turn: list[None]) -> Any:
    if not _took(turn):
        raise asyncio.CancelledError
    return await asyncio.wait_for(said, timeout_s)


def _took(turn: list[None]) -> bool:
    """Whether this thread is the first to ask: it begins, or nobody does any more."""
    try:
        turn.pop()
    except IndexError:
        return False
    return True


def _close(said: Any) -> None:
    if inspect.iscoroutine(said):
        said.close()
