"""Statistic sets: many values of one metric as their count, sum, least and most."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from ai_finops.instrument.metrics.names import (
    ESTIMATED_COST_USD,
    INPUT_TOKENS,
    LATENCY_MS,
    NS_PER_MS,
    OUTPUT_TOKENS,
    Metric,
)
from ai_finops.instrument.metrics.values import Values


class StatisticSet:
    """Values of one metric, added up."""

    __slots__ = ("count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total: float = 0
        self.least: float = inf
        self.most: float = -inf

    def add(self, value: float) -> None:
        """Count one value. On the request path: no more than this."""
        self.total += value
        self.count += 1
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value

    def merge(self, other: StatisticSet) -> None:
        """Count the values of another."""
        self.total += other.total
        self.count += other.count
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    def divided_by(self, divisor: int) -> StatisticSet:
        """Return the set of the same values in a unit that is `divisor` times as large."""
        divided = StatisticSet()
        divided.count = self.count
        divided.total = self.total / divisor
        divided.least, divided.most = self.least / divisor, self.most / divisor
        return divided


class MinuteSets:
    """What one feature and model did in one minute."""

    __slots__ = ("cost_usd", "input_tokens", "latency_ns", "minute", "output_tokens", "pair")

    def __init__(self, pair: tuple[str, str], minute: int) -> None:
        """Begin with nothing.

        Args:
            pair: Feature and model as dimension values.
            minute: Minutes since 1970 by the wall clock.
        """
        self.pair = pair
        self.minute = minute
        self.latency_ns = StatisticSet()
        self.input_tokens = StatisticSet()
        self.output_tokens = StatisticSet()
        self.cost_usd = StatisticSet()

    def add(self, values: Values) -> None:
        """Count what is known of a call; what is not known is not counted, so it is no zero."""
        latency_ns, input_tokens, output_tokens, cost_usd = values
        self.latency_ns.add(latency_ns)
        if input_tokens is not None:
            self.input_tokens.add(input_tokens)
        if output_tokens is not None:
            self.output_tokens.add(output_tokens)
        if cost_usd is not None:
            self.cost_usd.add(cost_usd)

    @property
    def value_count(self) -> int:
        """How many values of calls are in it."""
        return self.latency_ns.count + self.input_tokens.count + self.output_tokens.count + self.cost_usd.count

    def known(self) -> Iterator[tuple[Metric, StatisticSet]]:
        """Yield the metrics that have a value, in the units of their names."""
        if self.input_tokens.count:
            yield INPUT_TOKENS, self.input_tokens
        if self.output_tokens.count:
            yield OUTPUT_TOKENS, self.output_tokens
        if self.latency_ns.count:
            yield LATENCY_MS, self.latency_ns.divided_by(NS_PER_MS)
        if self.cost_usd.count:
            yield ESTIMATED_COST_USD, self.cost_usd
