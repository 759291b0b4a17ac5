"""Dollars that a process may spend in a UTC day: reserved before a request is sent, counted at what it cost."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

SECONDS_PER_DAY = 86_400
MOST_DAYS = 16
"""Days that are remembered, so that a clock that jumps back finds what was spent; an earlier day than these has no dollars."""
_MICRO = 1_000_000


class Reservation(NamedTuple):
    """Dollars set aside for one request, on the day on which they were."""

    day_number: int
    micro_usd: int


class DailyDollars:
    """The dollars of one process; several processes have as many each. Safe to use from many threads.

    Counted in whole micro-dollars, rounded up, so that no order of additions lets one more request through.
    """

    def __init__(self, usd_per_day: float, *, clock: Callable[[], float] = time.time) -> None:
        self._most = _micro(usd_per_day)
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: dict[int, int] = {}
        """Micro-dollars by day, what is reserved among them."""

    def reserve(self, usd: float) -> Reservation | None:
        """Set aside the most that a request can cost; None when the day has no dollars left for it."""
        wanted = _micro(usd)
        with self._lock:
            day = int(self._clock() // SECONDS_PER_DAY)
            if day not in self._spent and len(self._spent) >= MOST_DAYS:
                if day < min(self._spent):
                    return None
                del self._spent[min(self._spent)]
            spent = self._spent.get(day, 0)
            if spent + wanted > self._most:
                return None
            self._spent[day] = spent + wanted
        return Reservation(day, wanted)

    def settle(self, reservation: Reservation, *, usd: float | None) -> None:
        """Count what a request cost in place of what was set aside; None, for unknown, leaves that as it is.

        It counts on the day of its reservation, whatever the clock says by now.
        """
        if usd is None:
            return
        with self._lock:
            if reservation.day_number in self._spent:
                self._spent[reservation.day_number] += _micro(usd) - reservation.micro_usd

    def spent_usd(self) -> float:
        """Return what this day's requests cost so far, with what is reserved."""
        with self._lock:
            return self._spent.get(int(self._clock() // SECONDS_PER_DAY), 0) / _MICRO

    def new_lock_in_child(self) -> None:
        """After a fork: the lock may have been held by a thread that is not here."""
        self._lock = threading.Lock()


def _micro(usd: float) -> int:
    # Rounded first: 0.1 * 1e6 is no more than 100,000 micro-dollars.
    return max(0, math.ceil(round(usd * _MICRO, 3)))
