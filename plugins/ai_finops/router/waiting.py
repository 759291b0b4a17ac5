"""Waiting in a thread for what may be a value or a coroutine."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any


def waited(said: Any, *, loop: asyncio.AbstractEventLoop | None, timeout_s: float) -> Any:
    """Return a value as it is, and what a coroutine returns; called in a thread that has no loop of its own.

    Args:
        loop: Where a coroutine runs: async clients belong to the loop that they were first used on. None: a loop is made.
    Raises:
        TimeoutError: It took longer; it is cancelled then.
        RuntimeError: The loop is closed.
    """
    if not inspect.isawaitable(said):
        return said
    timed = _within(said, timeout_s)
    if loop is None:
        return asyncio.run(timed)
    try:
        future = asyncio.run_coroutine_threadsafe(timed, loop)
    except RuntimeError:
        timed.close()
        if inspect.iscoroutine(said):
            said.close()
        raise
    try:
        # A second more: a loop that stands still does not keep the time.
        return future.result(timeout_s + 1)
    except TimeoutError:
        future.cancel()
        raise


async def _within(said: Awaitable[Any], timeout_s: float) -> Any:
    return await asyncio.wait_for(said, timeout_s)
