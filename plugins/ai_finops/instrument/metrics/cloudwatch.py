"""Metrics to CloudWatch: added up in the process, sent by a thread."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ai_finops.instrument.call import Call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics import cloudwatch_client, lifetimes
from ai_finops.instrument.metrics.delivery import Delivery
from ai_finops.instrument.metrics.flush_thread import FlushThread
from ai_finops.instrument.metrics.names import MAX_DIMENSION_VALUE_CHARS, MAX_PAIRS, NS_PER_MINUTE
from ai_finops.instrument.metrics.pairs import Pairs
from ai_finops.instrument.metrics.statistic_sets import MinuteSets
from ai_finops.instrument.metrics.values import Values, values_of

COUNTED_AT = 256
"""Calls that wait to be counted. Then one of them takes a third of a millisecond for all; the others take none."""
INTERVAL_S = 60.0
FLUSH_TIMEOUT_S = 5.0
MAX_MINUTES = 5_000
"""Pairs in minutes that are held while the thread does not come for them; then the oldest are dropped."""
_Said = tuple[str | None, str | None, int]
"""Feature and model as the call said them, and the minute."""


class CloudWatchSink:
    """Adds calls up by feature, model and minute, and sends statistic sets every interval.

    `add` keeps a call in a tenth of a microsecond, whatever CloudWatch does, and every 256th counts what was kept. What it
    cannot keep or send is counted in `losses()`.
    """

    def __init__(
        self,
        *,
        client: Any = None,
        make_client: Callable[[], Any] = cloudwatch_client.make_client,
        interval_s: float = INTERVAL_S,
        max_pairs: int = MAX_PAIRS,
        max_minutes: int = MAX_MINUTES,
        delivery: Delivery | None = None,
    ) -> None:
        """Prepare; nothing is imported, connected or started before there is a call.

        Args:
            client: A boto3 client for CloudWatch. A process that forks should give `make_client` in its place: a child
                process makes its own.
            make_client: Called in the thread, when it starts: after the first call.
            interval_s: Seconds between sendings.
            max_pairs: Pairs of feature and model, `other` included.
            max_minutes: Pairs in minutes held for the thread.
            delivery: In place of one that is made here.
        """
        self._given_client, self._make_given_client = client, make_client
        self._is_child = self._is_closed = False
        self._pairs: Pairs[tuple[str, str]] = Pairs(lambda *pair: pair, limit=max_pairs)
        self._max_minutes = max_minutes
        self._interval_s = interval_s
        self._begin(delivery or Delivery(self._make_client))
        lifetimes.keep(self)

    def _begin(self, delivery: Delivery) -> None:
        # Re-entrant: the garbage collector may end an abandoned stream, and so add its call, in the middle of an add.
        self._lock = threading.RLock()
        self._sending = threading.Lock()
        self._minutes: dict[_Said, MinuteSets] = {}
        self._waiting: deque[Call] = deque()
        self._is_begun = False
        self._delivery = delivery
        self._thread = FlushThread(
            self._work, interval_s=self._interval_s, pause_s=lambda: self._delivery.pause_s, prepare=self.connect
        )

    def add(self, call: Call) -> None:
        """Take one ended call. Never raises; waits for nothing but, now and then, another thread that counts."""
        try:
            # Only kept: counting takes a microsecond, which is most of what may be taken of a call.
            self._waiting.append(call)
            if self._is_begun and len(self._waiting) < COUNTED_AT:
                return
            self._count_waiting()
        except Exception as error:  # noqa: BLE001 telemetry must not break the call
            count_loss("metric_not_counted", detail=type(error).__name__)

    def _count_waiting(self) -> None:
        """Count what has been taken, also while others take more."""
        self._is_begun = not self._is_closed
        with contextlib.suppress(IndexError):
            for _ in range(len(self._waiting)):
                self._count(self._waiting.popleft())

    def _count(self, call: Call) -> None:
        try:
            values = values_of(call)
            said = (call.feature_id, call.model, (call.started_at_ns + call.duration_ns) // NS_PER_MINUTE)
            with self._lock:
                sets = self._minutes.get(said)
                if sets is not None:
                    sets.add(values)
                    return
            self._add_first(said, values)
        except Exception as error:  # noqa: BLE001 telemetry must not break the call
            count_loss("metric_not_counted", detail=type(error).__name__)

    @property
    def last_error(self) -> str | None:
        """Why nothing is taken at present; None while all is well."""
        return self._delivery.last_error

    def connect(self) -> bool:
        """Import boto3 and make the client now, at the start of a service, and not in the thread after the first call."""
        with self._sending:
            return self._delivery.connect()

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Send now, and wait for it: at the end of a Lambda invocation.

        Returns:
            Whether CloudWatch has taken all. False also while it backs off from an earlier failure; then nothing is tried.
        """
        if not self._thread.is_running:
            if not self._has_any():
                return True
            self._thread.start()
        return self._thread.flush(timeout_s)

    def close(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Send a last time, even while backing off, and end the thread; return whether CloudWatch has taken all.

        The values of calls that end later are counted as losses `metrics_after_close`.
        """
        self._count_waiting()
        with self._lock:  # what is added before is in the last sending
            was_closed, self._is_closed = self._is_closed, True
            self._is_begun = False
        if was_closed:
            return not self._has_any()
        is_all_sent = self._thread.stop(timeout_s) if self._thread.is_running else self._work(True)
        if not is_all_sent:
            count_loss("metrics_unsent_at_exit", count=self._delivery.waiting_count + len(self._minutes))
        return is_all_sent

    def after_fork(self) -> None:
        """Begin empty in a child process: what was added before is the parent's to send."""
        self._is_child, self._is_closed = True, False
        self._begin(Delivery(self._make_client))

    def _add_first(self, said: _Said, values: Values) -> None:
        """Count a call that is the first of its pair in its minute."""
        feature_id, model, minute = said
        pair = self._pairs.of(feature_id, model)
        first, dropped, after_close_count = MinuteSets(pair, minute), None, 0
        key = said if self._is_found_as_said(feature_id, model, pair) else (*pair, minute)
        with self._lock:
            if self._is_closed:
                after_close_count = sum(value is not None for value in values)
            elif len(self._minutes) >= self._max_minutes and key not in self._minutes:
                dropped = self._minutes.pop(next(iter(self._minutes)))
            if not self._is_closed:
                self._minutes.setdefault(key, first).add(values)
        if after_close_count:
            count_loss("metrics_after_close", count=after_close_count)
            return
        if dropped is not None:
            count_loss("metrics_dropped", count=dropped.value_count)
        self._thread.start()

    def _is_found_as_said(self, feature_id: str | None, model: str | None, pair: tuple[str, str]) -> bool:
        # Nobody holds on to names of 10 KB, or to those past the limit: their calls come this way each time.
        longest = max(len(feature_id or ""), len(model or ""))
        return longest <= MAX_DIMENSION_VALUE_CHARS and pair is not self._pairs.other

    def _has_any(self) -> bool:
        self._count_waiting()
        return bool(self._minutes) or bool(self._delivery.waiting_count)

    def _work(self, is_last: bool) -> bool:
        with self._sending:
            if not self._is_closed:
                self._count_waiting()
            with self._lock:
                minutes, self._minutes = self._minutes, {}
            self._delivery.take(minutes.values())
            return self._delivery.deliver(is_last=is_last)

    def _make_client(self) -> Any:
        if self._given_client is None:
            return self._make_given_client()
        if self._is_child:
            self._given_client.close()  # its connections are the parent's; it opens new ones
        return self._given_client
