"""One thread beside the product's own that works through a bounded queue, and stands in nobody's way.

Nothing here waits on the path of a request: what does not fit is dropped and counted. A piece of work that hangs past its time
is left to itself and another thread goes on; after a few of those nothing is taken until one comes back.
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from ai_finops.instrument.losses import count_loss

MOST_HANGING = 2
"""Threads that may hang in a client that keeps no timeout of its own."""
IDLE_S = 10.0
"""A thread without work ends after this; the next piece starts one."""


class SideWorker:
    """A queue and its thread, which is a daemon: an exiting process does not wait for it.

    Args:
        name: Of the thread, and the first word of the losses: `<name>_queue_full`, `<name>_hanging`, `<name>_failed`.
        most_queued: Pieces that wait; one more is dropped.
        hanging_after_s: Seconds after which a piece counts as hanging.
        most_bytes: Of all pieces that wait, by what is said of their sizes.
    """

    def __init__(self, name: str, *, most_queued: int, hanging_after_s: float, most_bytes: float = math.inf) -> None:
        self._name = name
        self._most_queued = most_queued
        self._most_bytes = most_bytes
        self._hanging_after_s = hanging_after_s
        self._begin()
        _workers.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[tuple[Callable[[], None], int]] = deque()
        self._queued_bytes = 0
        self._thread: threading.Thread | None = None
        self._began_at: float | None = None
        """When the thread took the piece that it is at; None between two."""
        self._hanging = 0
        self._is_closed = False

    def offer(self, work: Callable[[], None], *, size_bytes: int = 0) -> bool:
        """Queue a piece of work; return whether it was taken. Never raises and never blocks."""
        with self._changed:
            refused = self._refusal(size_bytes)
            if refused is None:
                self._queue.append((work, size_bytes))
                self._queued_bytes += size_bytes
                refused = None if self._start() else "no_thread"
            if refused is None:
                self._changed.notify()
        if refused is not None:
            count_loss(f"{self._name}_{refused}")
        return refused is None

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that was queued is done, for jobs and tests; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and self._began_at is None, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Wait as `wait`, and take nothing more; what is still queued is dropped and counted."""
        is_done = self.wait(timeout_s)
        with self._changed:
            self._is_closed = True
            dropped = len(self._queue)
            self._queue.clear()
            self._queued_bytes = 0
            self._changed.notify_all()
        if dropped:
            count_loss(f"{self._name}_closed", count=dropped)
        return is_done

    def queued_count(self) -> int:
        """Return how many pieces wait."""
        return len(self._queue)

    def _refusal(self, size_bytes: int) -> str | None:
        if self._is_closed:
            return "closed"
        is_hanging = self._began_at is not None and time.monotonic() - self._began_at > self._hanging_after_s
        if is_hanging and self._hanging < MOST_HANGING:
            # Left to itself: it notices that it is no longer the thread.
            self._hanging += 1
            self._thread = self._began_at = None
            is_hanging = False
        if len(self._queue) >= self._most_queued or self._queued_bytes + size_bytes > self._most_bytes:
            return "queue_full"
        return "hanging" if is_hanging else None

    def _start(self) -> bool:
        if self._thread is not None:
            return True
        thread = threading.Thread(target=self._run, name=f"ai_finops-{self._name}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down
            self._queued_bytes -= self._queue.pop()[1]
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        changed = self._changed
        me = threading.current_thread()
        while (work := self._next(me)) is not None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a cancelled call too must not take the thread with it
                count_loss(f"{self._name}_failed", detail=type(error).__name__)
            del work
            with changed:
                if self._thread is not me:
                    self._hanging -= 1
                    return
                self._began_at = None
                changed.notify_all()

    def _next(self, me: threading.Thread) -> Callable[[], None] | None:
        with self._changed:
            has_work = self._changed.wait_for(lambda: self._queue or self._is_closed or self._thread is not me, IDLE_S)
            if self._thread is me and has_work and self._queue:
                self._began_at = time.monotonic()
                work, size_bytes = self._queue.popleft()
                self._queued_bytes -= size_bytes
                return work
            if self._thread is me:
                self._thread = None
            return None


_workers: weakref.WeakSet[SideWorker] = weakref.WeakSet()


def _begin_in_child() -> None:
    for worker in list(_workers):
        worker._begin()  # the parent's queue is the parent's work, and its thread is not here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
