"""What both decorators make: something to put on a function, or around a block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

from ai_finops.instrument.following import follow_function, is_recorded
from ai_finops.instrument.handle import CallHandle
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.options import Options
from ai_finops.instrument.run import Run, running
from ai_finops.instrument.switch import switch

F = TypeVar("F", bound=Callable[..., Any])
_MOST_DECORATED = 10_000

_decorated: list[tuple[str, str, str | None]] = []


class Recorder:
    """Records each call of a function that it is put on, and each block that it is put around."""

    __slots__ = ("_kind", "_open", "_options", "_verb")

    def __init__(self, verb: str, *, kind: type[Run], options: Options) -> None:
        """Prepare.

        Args:
            verb: Name of the decorator, for the list of what is decorated.
            kind: What a recording is.
            options: What the decorator says.
        """
        self._verb = verb
        self._kind = kind
        self._options = options
        self._open: list[Run | None] = []
        """Blocks around which it is; one, unless it is shared."""

    def __call__(self, function: F) -> F:
        """Wrap a function."""
        options = self._options
        if options.pipeline_id is None:
            options = replace(options, pipeline_id=_name_of(function))
        if is_recorded(function):
            options = replace(options, is_stacked=True)
        if len(_decorated) < _MOST_DECORATED:
            _decorated.append((self._verb, options.pipeline_id or "", options.own_feature_id))
        return follow_function(function, kind=self._kind, options=options)

    def __enter__(self) -> CallHandle:
        """Begin a block that is one call."""
        run = self._start()
        self._open.append(run)
        return CallHandle(run)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception goes on."""
        run = self._take_open()
        if run is None:
            return
        run.leave()
        if error is None:
            run.finish(None)
        else:
            run.fail(error)

    async def __aenter__(self) -> CallHandle:
        """Begin a block that is one call, in a coroutine."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception goes on."""
        self.__exit__(kind, error, traceback)

    def _take_open(self) -> Run | None:
        """Take out the block that ends: what runs here, of a recorder that several tasks or threads share."""
        current = running()
        with contextlib.suppress(ValueError, IndexError):
            if current in self._open:
                self._open.remove(current)
                return current
            return self._open.pop()
        count_loss("block_not_open")
        return None

    def _start(self) -> Run | None:
        if not switch.is_on:
            return None
        try:
            return self._kind(self._options)
        except Exception as error:  # noqa: BLE001  the block runs without being recorded
            count_loss("call_unrecorded", detail=type(error).__name__)
            return None


def decorated() -> list[tuple[str, str, str | None]]:
    """Decorator, pipeline and feature of every function decorated in this process so far."""
    return list(_decorated)


def _name_of(function: object) -> str | None:
    inner = getattr(function, "__func__", function)
    inner = getattr(inner, "func", inner)  # functools.partial
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    module = getattr(inner, "__module__", None) or ""
    return f"{module}.{name}".replace("<locals>.", "").strip(".")
