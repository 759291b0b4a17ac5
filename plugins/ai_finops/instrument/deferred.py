"""Work for a span that is done off the request path: the span ends when the work is done, with the end that it had.

One daemon thread, started with the first piece of work, computes attributes and then ends the span, so that whatever exports
it exports it whole. What waits is bounded in number and in bytes; beyond that a span ends at once, without them, and that is
counted. A piece of work that fails ends its span all the same.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from ai_finops.instrument.losses import count_loss

MAX_WAITING_COUNT = 1_000
MAX_WAITING_BYTES = 16_000_000
"""Of the texts that work waits with, as those who hand it over say."""
AT_EXIT_S = 5.0

Work = Callable[[], Mapping[str, AttributeValue]]
"""Computes attributes; runs on the thread of this module, in no context."""


class _Piece(NamedTuple):
    span: Span
    work: Work
    byte_count: int
    end_time_ns: int | None


class _Worker:
    """The queue and its thread. A child process gets a new one: its parent's thread ends the parent's spans."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._changed = threading.Condition()
        self._waiting_bytes = 0
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def put(self, piece: _Piece) -> bool:
        """Take a piece of work; False when too much waits."""
        with self._changed:
            is_full = len(self._pieces) >= MAX_WAITING_COUNT
            if is_full or (self._pieces and self._waiting_bytes + piece.byte_count > MAX_WAITING_BYTES):
                return False
            if self._thread is None:
                self._start()
            self._pieces.append(piece)
            self._waiting_bytes += piece.byte_count
            self._changed.notify_all()
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing waits; False when something still does."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pieces and not self._is_busy, timeout_s)

    def give_up(self) -> None:
        """End the spans that still wait, without what was to be computed."""
        with self._changed:
            left = list(self._pieces)
            self._pieces.clear()
            self._waiting_bytes = 0
        for piece in left:
            count_loss("deferred_at_exit")
            _end(piece)

    def _start(self) -> None:
        # Registered now and not at import: exit handlers run last one first, and the SDK's, which exports for the last
        # time, was registered when the service set up its provider.
        atexit.register(_at_exit)
        thread = threading.Thread(target=self._run, name="ai-finops-deferred", daemon=True)
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._pieces)
                piece = self._pieces.popleft()
                self._waiting_bytes -= piece.byte_count
                self._is_busy = True
            _do(piece)
            del piece  # else its texts would be held until the next one comes


_worker = _Worker()


def end_later(span: Span, work: Work, *, byte_count: int = 0) -> None:
    """End a span, with the end that it has now, once its work is done. Never blocks and never raises.

    Args:
        span: Started, not ended, and no longer used by the caller.
        work: What computes its last attributes.
        byte_count: Size of the texts that the work holds.
    """
    piece = _Piece(span, work, byte_count, time.time_ns())
    if not span.is_recording():
        _end(piece)
    elif not _put(piece):
        count_loss("deferred_full")
        _end(piece)


def add_later(span: Span, work: Work, *, byte_count: int = 0) -> None:
    """Add attributes to a span that somebody else ends, if they are there before that; else it is counted."""
    if span.is_recording() and not _put(_Piece(span, work, byte_count, None)):
        count_loss("deferred_full")


def flush_deferred(timeout_s: float = AT_EXIT_S) -> bool:
    """Wait until all work is done and its spans have ended, as before a Lambda is frozen; False when time was up."""
    return _worker.flush(timeout_s)


def _put(piece: _Piece) -> bool:
    try:
        return _worker.put(piece)
    except RuntimeError:  # no thread can be started any more: the interpreter is ending
        return False


def _do(piece: _Piece) -> None:
    try:
        attributes = piece.work()
        if piece.end_time_ns is None and not piece.span.is_recording():
            count_loss("deferred_late")
        else:
            piece.span.set_attributes(attributes)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - whatever a text does to the work, the span ends and the thread lives
        count_loss("deferred_failed", detail=type(error).__name__)
    _end(piece)


def _end(piece: _Piece) -> None:
    if piece.end_time_ns is None:
        return
    try:
        piece.span.end(end_time=piece.end_time_ns)
    except Exception as error:  # noqa: BLE001 - processors of the service's own run in here
        count_loss("span_end_failed", detail=type(error).__name__)


def _at_exit() -> None:
    _worker.flush(AT_EXIT_S)
    _worker.give_up()


def _new_worker_in_child() -> None:
    global _worker
    _worker = _Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_worker_in_child)
