"""What waits to be sent to CloudWatch, and the sending: bounded, backing off, nothing sent twice that was taken.

Used by one thread at a time, never by the one that serves a request.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics import cloudwatch_client
from ai_finops.instrument.metrics.datum import Key, datum, requests_of
from ai_finops.instrument.metrics.names import MAX_METRICS_PER_REQUEST, NAMESPACE, OLDEST_S
from ai_finops.instrument.metrics.statistic_sets import MinuteSets, StatisticSet

_LOG = logging.getLogger("ai_finops.instrument")
MAX_WAITING = 20_000
"""Statistic sets that wait at most: 20 minutes of 250 pairs, or a whole day of three; about 6 MB."""
MAX_REQUESTS_PER_ROUND = 100
"""A round that finds wrong data sends its halves; this many requests end it, the rest waits for the next."""
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0
_PIECE = 50
"""Data made before other threads are let in."""


class Delivery:
    """Statistic sets on their way."""

    def __init__(
        self,
        make_client: Callable[[], Any],
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        max_waiting: int = MAX_WAITING,
        max_metrics: int = MAX_METRICS_PER_REQUEST,
    ) -> None:
        """Begin with nothing waiting.

        Args:
            make_client: Called at the first sending, and again after it failed.
            now: Seconds since 1970; may jump.
            monotonic: Seconds for the pauses between attempts.
            jitter: From 0 to 1, so that the processes of a fleet do not come back all at once.
            max_metrics: In one request.
        """
        self._make_client = make_client
        self._client: Any = None
        self._now, self._monotonic, self._jitter = now, monotonic, jitter
        self._max_waiting, self._max_metrics = max_waiting, max_metrics
        self._waiting: dict[Key, StatisticSet] = {}
        self._failure_count = 0
        self._not_before = 0.0
        self._requests_left = 0
        self.last_error: str | None = None
        """Why the last attempt failed; None after one that did not."""

    @property
    def waiting_count(self) -> int:
        """Statistic sets that wait."""
        return len(self._waiting)

    @property
    def pause_s(self) -> float:
        """Seconds until the next attempt is due after a failure; 0 when none failed."""
        return max(0.0, self._not_before - self._monotonic()) if self._failure_count else 0.0

    def connect(self) -> bool:
        """Make the client now, so that the first sending need not; return whether there is one."""
        return self._try(self._connected) is not None

    def take(self, sets: Iterable[MinuteSets]) -> None:
        """Add to what waits. Past the limit the oldest are dropped, and counted in values."""
        for each in sets:
            for metric, values in each.known():
                self._wait(Key(metric, *each.pair, each.minute), values)
        over_count = max(0, len(self._waiting) - self._max_waiting)
        self._drop(list(islice(self._waiting, over_count)), "metrics_dropped")

    def deliver(self, *, is_last: bool = False) -> bool:
        """Send what waits; return whether nothing waits any more. During a pause nothing is tried.

        Args:
            is_last: Whether the process ends; then a pause does not count.
        """
        oldest = (self._now() - OLDEST_S) // 60
        self._drop([key for key in self._waiting if key.minute <= oldest], "metrics_too_old")
        if self._waiting and (is_last or not self.pause_s):
            self._requests_left = MAX_REQUESTS_PER_ROUND
            all(self._send(keys) for keys in requests_of(list(self._waiting), max_metrics=self._max_metrics))
        return not self._waiting

    def _wait(self, key: Key, values: StatisticSet) -> None:
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = values
        else:
            waiting.merge(values)

    def _send(self, keys: Sequence[Key]) -> bool:
        """Send some; return whether to go on with others. Of wrong data the halves are sent, until it stands alone."""
        if not self._requests_left:
            return False
        self._requests_left -= 1
        try:
            self._connected().put_metric_data(Namespace=NAMESPACE, MetricData=self._data(keys))
        except Exception as error:  # noqa: BLE001 whatever a client raises must not end the thread
            if not cloudwatch_client.is_wrong_data(error):
                self._pause(error)
                return False
            return self._divide(keys, error)
        self._succeed(keys)
        return True

    def _divide(self, keys: Sequence[Key], error: Exception) -> bool:
        if len(keys) == 1:
            self._drop(keys, "metrics_refused", detail=cloudwatch_client.described(error))
            return True
        half = len(keys) // 2
        return self._send(keys[:half]) and self._send(keys[half:])

    def _data(self, keys: Sequence[Key]) -> list[dict]:
        last_minute = int(self._now() // 60)
        data = []
        for number, key in enumerate(keys):
            if number % _PIECE == 0:
                time.sleep(0)  # lets go of the interpreter: an event loop may be waiting for it
            data.append(datum(key, self._waiting[key], last_minute=last_minute))
        return data

    def _connected(self) -> Any:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def _try(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:  # noqa: BLE001 as above
            self._pause(error)
            return None

    def _pause(self, error: Exception) -> None:
        self._failure_count += 1
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failure_count - 1, 10))
        pause_s = longest * (1 + self._jitter()) / 2
        self._not_before = self._monotonic() + pause_s
        self.last_error = cloudwatch_client.described(error)
        if self._failure_count == 1:
            _LOG.warning(
                "CloudWatch takes no metrics: %s; they are kept, up to %d statistic sets, and tried again; "
                "allow cloudwatch:PutMetricData, and check the region and the network, if it stays so",
                self.last_error,
                self._max_waiting,
            )

    def _succeed(self, keys: Sequence[Key]) -> None:
        for key in keys:
            del self._waiting[key]
        if self._failure_count:
            _LOG.warning("CloudWatch takes metrics again, after %d attempts", self._failure_count)
        self._failure_count, self.last_error = 0, None

    def _drop(self, keys: Sequence[Key], kind: str, *, detail: str = "") -> None:
        count = sum(self._waiting.pop(key).count for key in keys)
        if count:
            count_loss(kind, count=count, detail=detail)
