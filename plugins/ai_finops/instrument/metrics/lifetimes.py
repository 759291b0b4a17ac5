"""Sinks and the life of their process: each begins empty after a fork, and sends a last time at the end."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from typing import Protocol

EXIT_TIMEOUT_S = 5.0
"""For all sinks together: a process that ends must not wait for a network that hangs."""


class Kept(Protocol):
    """A sink that has something to send."""

    def close(self, timeout_s: float) -> bool:
        """Send a last time."""

    def after_fork(self) -> None:
        """Begin empty."""


_sinks: weakref.WeakSet[Kept] = weakref.WeakSet()


def keep(sink: Kept) -> None:
    """Look after a sink for as long as anybody holds it."""
    _sinks.add(sink)


def close_all(timeout_s: float = EXIT_TIMEOUT_S) -> None:
    """Have all send a last time."""
    end = time.monotonic() + timeout_s
    for sink in list(_sinks):
        sink.close(max(0.0, end - time.monotonic()))


def _after_fork() -> None:
    for sink in list(_sinks):
        sink.after_fork()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
