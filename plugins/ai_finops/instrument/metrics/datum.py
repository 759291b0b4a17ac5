"""One statistic set in the form that PutMetricData takes, and requests that keep its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from ai_finops.instrument.metrics.names import (
    FEATURE,
    MAX_METRICS_PER_REQUEST,
    MAX_REQUEST_BYTES,
    MODEL,
    Metric,
)
from ai_finops.instrument.metrics.statistic_sets import StatisticSet

_FIXED_BYTES = 450
"""At most, of one datum without the values of its dimensions: keys, numbers and a time, in CBOR or JSON."""
_BYTES_PER_CHAR = 2
"""At most, of a dimension's value: JSON escapes quotes and backslashes."""
_REQUEST_BYTES = 1_000
"""At most, of a request without its data."""


class Key(NamedTuple):
    """What a statistic set is of."""

    metric: Metric
    feature: str
    model: str
    minute: int
    """Minutes since 1970."""


def datum(key: Key, values: StatisticSet, *, last_minute: int) -> dict:
    """Return a MetricDatum.

    Args:
        last_minute: The current one. A later minute was read from a clock that has been set back since; such values are
            put into the current one, as what has ended has ended by now.
    """
    return {
        "MetricName": key.metric.name,
        "Unit": key.metric.unit,
        "Dimensions": [{"Name": FEATURE, "Value": key.feature}, {"Name": MODEL, "Value": key.model}],
        "Timestamp": datetime.fromtimestamp(60 * min(key.minute, last_minute), UTC),
        "StatisticValues": {
            "SampleCount": float(values.count),
            "Sum": float(values.total),
            "Minimum": float(values.least),
            "Maximum": float(values.most),
        },
    }


def requests_of(keys: Iterable[Key], *, max_metrics: int = MAX_METRICS_PER_REQUEST) -> Iterator[list[Key]]:
    """Yield the keys in lists that each fit into one request, in their order."""
    batch: list[Key] = []
    batch_bytes = _REQUEST_BYTES
    for key in keys:
        size = _FIXED_BYTES + _BYTES_PER_CHAR * (len(key.feature) + len(key.model))
        if batch and (len(batch) >= max_metrics or batch_bytes + size > MAX_REQUEST_BYTES):
            yield batch
            batch, batch_bytes = [], _REQUEST_BYTES
        batch.append(key)
        batch_bytes += size
    if batch:
        yield batch
