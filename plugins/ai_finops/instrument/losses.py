"""What the instrumentation could not record, counted: it may lose a fact, and never silently.

A loss is counted by its kind, logged the first time and then once a minute at most, and shown by the doctor.
"""

from __future__ import annotations

import logging
import os
import threading
import time

_LOG = logging.getLogger("ai_finops.instrument")
_LOGGED_EVERY_S = 60.0
_MAX_KINDS = 100
"""Kinds are words of this package, and still a bound is kept."""

_counts: dict[str, int] = {}
_logged_at: dict[str, float] = {}
_lock = threading.RLock()  # the collector may end an abandoned stream, and count, in the middle of counting


def count_loss(kind: str, *, count: int = 1, detail: str = "") -> None:
    """Count what was lost. Never raises and never blocks for longer than a dictionary takes.

    Args:
        kind: What was lost and why in a few words that are the same each time: `reader_failed`, `metrics_dropped`.
        count: How many.
        detail: For the log line only; no text of a prompt or an answer.
    """
    now = time.monotonic()
    with _lock:
        if kind not in _counts and len(_counts) >= _MAX_KINDS:
            kind = "other"
        _counts[kind] = _counts.get(kind, 0) + count
        is_due = now - _logged_at.get(kind, -_LOGGED_EVERY_S) >= _LOGGED_EVERY_S
        if is_due:
            _logged_at[kind] = now
        total = _counts[kind]
    if is_due:
        _LOG.warning("ai_finops lost %s (%d so far)%s", kind, total, f": {detail}" if detail else "")


def losses() -> dict[str, int]:
    """Return the counts by kind since the process began."""
    with _lock:
        return dict(_counts)


def forget_losses() -> None:
    """Begin to count from zero, for tests."""
    with _lock:
        _counts.clear()
        _logged_at.clear()


def _new_lock_in_child() -> None:
    global _lock  # held by another thread at the fork, it would never be released in the child
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock_in_child)
