"""Metrics for Prometheus: counters and histograms on a registry that the service exposes anyway."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, NamedTuple

from ai_finops.instrument.call import Call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics.names import MAX_PAIRS
from ai_finops.instrument.metrics.pairs import Pairs
from ai_finops.instrument.metrics.prometheus_instruments import Instruments, instruments_on
from ai_finops.instrument.metrics.values import values_of

_NS_PER_S = 1_000_000_000
MOST_HELD = 1_000
"""Calls that ended in the middle of a counting, each for as long as that one takes."""


class _Here(threading.local):
    """Of each thread: whether it is counting, and so may hold one of the client's locks, which are not re-entrant."""

    is_counting = False


_here = _Here()


class _Labelled(NamedTuple):
    """The instruments of one feature and model."""

    duration_s: Any
    first_token_s: Any
    input_tokens: Any
    output_tokens: Any
    cost_usd: Any
    without_usage: Any
    without_cost: Any
    failed: Any


class PrometheusSink:
    """Counts calls on a registry of `prometheus_client`. Scraping is the service's own affair."""

    def __init__(self, registry: Any = None, *, max_pairs: int = MAX_PAIRS) -> None:
        """Declare the instruments, or take those that are declared already.

        Args:
            registry: Default is the client's own.
            max_pairs: Pairs of the labels `feature` and `model`, `other` included.
        Raises:
            ImportError: The extra `prometheus` is not installed.
            ValueError: The registry has one of the names with other labels.
        """
        instruments = instruments_on(registry)
        self._pairs: Pairs[_Labelled] = Pairs(
            lambda feature, model: _labelled(instruments, feature, model), limit=max_pairs
        )
        self._held: deque[Call] = deque()
        self._refused: deque[None] = deque(maxlen=1_000_000)

    def add(self, call: Call) -> None:
        """Count one ended call. Never raises.

        A call that the garbage collector ends in the middle of a counting is counted right after it, by the same thread or by
        whichever counts next.
        """
        if _here.is_counting:
            # No loss is counted here: that logs, and a log may be counted with the same client.
            if len(self._held) < MOST_HELD:
                self._held.append(call)
            else:
                self._refused.append(None)
            return
        _here.is_counting = True
        try:
            self._try_to_count(call)
            if self._held or self._refused:
                self._count_held()
        finally:
            _here.is_counting = False

    def flush(self, timeout_s: float = 0.0) -> bool:
        """Count what was held back, and return True: what is counted is there to be scraped."""
        if (self._held or self._refused) and not _here.is_counting:
            _here.is_counting = True
            try:
                self._count_held()
            finally:
                _here.is_counting = False
        return True

    def close(self, timeout_s: float = 0.0) -> bool:
        """Return True; the instruments stay, as others may count on them."""
        return self.flush(timeout_s)

    def _try_to_count(self, call: Call) -> None:
        try:
            self._count(call)
        except Exception as error:  # noqa: BLE001 telemetry must not break the call
            count_loss("metric_not_counted", detail=type(error).__name__)

    def _count_held(self) -> None:
        refused_count = 0
        try:
            while self._held:
                self._try_to_count(self._held.popleft())
            while self._refused:
                self._refused.popleft()
                refused_count += 1
        except IndexError:  # another thread took the last
            pass
        if refused_count:
            count_loss("metric_not_counted", count=refused_count, detail=f"more than {MOST_HELD} held")

    def _count(self, call: Call) -> None:
        latency_ns, input_tokens, output_tokens, cost_usd = values_of(call)
        labelled = self._pairs.of(call.feature_id, call.model)
        labelled.duration_s.observe(latency_ns / _NS_PER_S)
        if call.first_token_ns is not None:
            labelled.first_token_s.observe(call.first_token_ns / _NS_PER_S)
        if input_tokens is not None:
            labelled.input_tokens.inc(input_tokens)
        if output_tokens is not None:
            labelled.output_tokens.inc(output_tokens)
        if cost_usd is not None:
            labelled.cost_usd.inc(cost_usd)
        else:
            labelled.without_cost.inc()
        if not call.reading.has_usage:
            labelled.without_usage.inc()
        if call.error_type is not None:
            labelled.failed.inc()


def _labelled(instruments: Instruments, feature: str, model: str) -> _Labelled:
    return _Labelled(*(each.labels(feature, model) for each in instruments))
