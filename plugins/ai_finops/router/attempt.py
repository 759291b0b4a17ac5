"""One call of a client: how long it is waited for, what a thread hands back of it, and what its exception is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.router.answer import Answer
from ai_finops.router.policy import Model

_NOTE = "ai_finops.router asked"


class AttemptTimeout(TimeoutError):
    """A model did not answer within the policy's `fallback.attempt_timeout_s`."""


async def within(asked: Awaitable[Answer], limit_s: float | None, model: Model) -> Answer:
    """Wait for an answer. The caller's own cancellation, and a timeout of the client's own, go on as they are."""
    if limit_s is None:
        return await asked
    scope = asyncio.timeout(limit_s)
    try:
        async with scope:
            return await asked
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise AttemptTimeout(f"{model.name} did not answer within {limit_s:g} s") from error


def outcome(call: Callable[[], Answer]) -> tuple[Any, Exception | None]:
    """Return what a call returns and what it raises: an executor's future takes no StopIteration, and would wait for ever."""
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001  raised by whoever waits
        return None, error


def note(error: Exception, words: str) -> None:
    """Note on an exception what was asked; one object that is raised again and again has one note of ours."""
    try:
        notes = getattr(error, "__notes__", None)
        if notes is not None:
            notes[:] = [each for each in notes if not str(each).startswith(_NOTE)]
        error.add_note(f"{_NOTE} {words}")
    except Exception:  # noqa: BLE001  a frozen exception takes none, and is raised all the same
        count_loss("note_refused", detail=type(error).__name__)
