"""A circuit breaker for each model: one that keeps failing is left alone for a while, then tried by a single request.

**Closed**: calls go through and are counted in a window. **Open**: enough of them failed; nothing goes through. **Half open**:
the time is over; one call, the probe, goes through, and what becomes of it closes or opens the breaker again.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from ai_finops.router.policy import BreakerLimits

_BUCKETS = 10
"""Of the window; counts older than it are dropped by the bucket, so memory does not grow with calls."""


class State(Enum):
    """Of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Permit(NamedTuple):
    """To make one call. It says of which time: the end of a call from before the breaker opened or closed moves nothing."""

    period: int
    """Counts how often the breaker has opened and closed."""
    probe_number: int = 0
    """0: it is no probe."""


class Breaker:
    """The breaker of one model. Threads and tasks may share it: its lock is held for some additions and no call."""

    def __init__(self, limits: BreakerLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._bucket_s = limits.window_s / _BUCKETS
        self._lock = threading.Lock()
        self._buckets: list[tuple[int, int, int]] = [(-1, 0, 0)] * _BUCKETS  # number, calls, failures
        self._opened_at: float | None = None
        self._probed_at: float | None = None
        self._period = self._probe_number = 0
        _all.add(self)

    @property
    def state(self) -> State:
        """What it is now; open turns to half open by time alone."""
        with self._lock:
            return self._state(self._clock())

    @property
    def is_passable(self) -> bool:
        """Whether a call would be let through; asking takes nothing."""
        with self._lock:
            return self._is_passable(self._clock())

    def acquire(self) -> Permit | None:
        """Ask to call the model; a permit lets the call through and is handed back with its end. Half open, one gets it."""
        with self._lock:
            now = self._clock()
            if not self._is_passable(now):
                return None
            if self._opened_at is None:
                return Permit(self._period)
            self._probed_at = now
            self._probe_number += 1
            return Permit(self._period, self._probe_number)

    def force(self) -> Permit:
        """Be let through though it is open, because all others are too: an answer closes it, a failure moves nothing."""
        with self._lock:
            return Permit(self._period)

    def succeeded(self, permit: Permit) -> None:
        """The model answered: a probe, or a forced call, closes the breaker."""
        with self._lock:
            if permit.period != self._period:
                return
            if self._opened_at is None:
                self._count(self._clock(), failures=0)
            else:
                self._close()

    def failed(self, permit: Permit) -> None:
        """The model failed: enough of them open the breaker, and a probe opens it again."""
        with self._lock:
            if permit.period != self._period:
                return
            now = self._clock()
            if self._opened_at is not None:
                if permit.probe_number:
                    self._open(now)
                return
            calls, failures = self._count(now, failures=1)
            if failures >= self._limits.failure_count and failures >= self._limits.failure_ratio * calls:
                self._open(now)

    def abandoned(self, permit: Permit) -> None:
        """The call was cancelled, or says nothing of the model: it does not count, and another may be the probe."""
        with self._lock:
            if permit.probe_number == self._probe_number:
                self._probed_at = None

    def _state(self, now: float) -> State:
        if self._opened_at is None:
            return State.CLOSED
        return State.HALF_OPEN if now - self._opened_at >= self._limits.open_s else State.OPEN

    def _is_passable(self, now: float) -> bool:
        state = self._state(now)
        if state is not State.HALF_OPEN:
            return state is State.CLOSED
        # A probe whose end nobody told, as when its thread died, does not hold the place for ever.
        return self._probed_at is None or now - self._probed_at >= self._limits.open_s

    def _count(self, now: float, *, failures: int) -> tuple[int, int]:
        """Count one call, and return calls and failures within the window."""
        number = int(now // self._bucket_s)
        place = number % _BUCKETS
        held, calls, failed = self._buckets[place]
        if held != number:
            calls = failed = 0
        self._buckets[place] = (number, calls + 1, failed + failures)
        recent = [bucket for bucket in self._buckets if number - _BUCKETS < bucket[0] <= number]
        return sum(bucket[1] for bucket in recent), sum(bucket[2] for bucket in recent)

    def _open(self, now: float) -> None:
        self._period += 1
        self._opened_at, self._probed_at = now, None

    def _close(self) -> None:
        self._period += 1
        self._opened_at = self._probed_at = None
        self._buckets = [(-1, 0, 0)] * _BUCKETS


class Breakers:
    """The breakers of a policy's models."""

    def __init__(
        self, names: Iterable[str], limits: BreakerLimits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._breakers = {name: Breaker(limits, clock=clock) for name in names}

    def __getitem__(self, name: str) -> Breaker:
        return self._breakers[name]

    def unhealthy(self) -> frozenset[str]:
        """Names of models that would not be let through now."""
        return frozenset(name for name, breaker in self._breakers.items() if not breaker.is_passable)


_all: weakref.WeakSet[Breaker] = weakref.WeakSet()


def _new_locks_in_child() -> None:
    for breaker in list(_all):  # a lock that another thread held at the fork would never be released here
        breaker._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_locks_in_child)
