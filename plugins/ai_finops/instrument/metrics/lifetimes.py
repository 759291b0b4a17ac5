"""Sinks and the life of their process: each begins empty after a fork, and sends a last time at the end."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

EXIT_TIMEOUT_S = 5.0
"""For all sinks together: a process that ends must not wait for a network that hangs."""


class Kept(Protocol):
    """A sink that has something to send."""

    def close(self, timeout_s: float) -> bool:
        """Send a last time."""

    def after_fork(self) -> None:
        """Begin empty."""


_LONGEST_IMPORT_S = 5.0

_sinks: weakref.WeakSet[Kept] = weakref.WeakSet()
_importing = threading.Lock()
_is_importing_held = False


def keep(sink: Kept) -> None:
    """Look after a sink for as long as anybody holds it."""
    _sinks.add(sink)


def close_all(timeout_s: float = EXIT_TIMEOUT_S) -> None:
    """Have all send a last time."""
    end = time.monotonic() + timeout_s
    for sink in list(_sinks):
        sink.close(max(0.0, end - time.monotonic()))


def _after_fork_in_child() -> None:
    _after_fork_anywhere()
    for sink in list(_sinks):
        sink.after_fork()


@contextmanager
def no_fork() -> Iterator[None]:
    """Have forks wait: a child of a process that is importing a module could never import it."""
    with _importing:
        yield


def _before_fork() -> None:
    global _is_importing_held
    _is_importing_held = _importing.acquire(timeout=_LONGEST_IMPORT_S)


def _after_fork_anywhere() -> None:
    if _is_importing_held:
        _importing.release()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_anywhere, after_in_child=_after_fork_in_child)
