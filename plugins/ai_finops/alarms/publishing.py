"""Publish the values of the last days to CloudWatch, each once.

A value is put at 23:59 UTC of the day that it speaks of. CloudWatch shows what is less than a day old within two hours, and
what is older after two days and more (API reference, PutMetricData): put at the day's beginning, yesterday's cost would be seen
the day after tomorrow.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ai_finops.alarms.cloudwatch import put_metric_data
from ai_finops.alarms.metrics import DailyValue, cloudwatch_name
from ai_finops.alarms.put_ledger import ledger_path, read_ledger, write_ledger
from ai_finops.config import Settings

PUT_AT = time(23, 59)
OLDEST = timedelta(days=14) - timedelta(hours=1)
"""PutMetricData takes two weeks back; an hour of it is left for the call itself and for clocks that differ."""
AHEAD = timedelta(hours=2)
"""How far ahead of its clock CloudWatch takes a value."""
DATA_PER_CALL = 1000
BYTES_PER_CALL = 900_000
"""Of the 1 MB that a request may have; the rest is for what surrounds the values."""
LARGEST_VALUE = 2.0**360


@dataclass(frozen=True, slots=True)
class Published:
    """How publishing went, in values."""

    put_count: int
    restated_count: int
    """How many of these had been put before with another value."""
    unchanged_count: int
    """Put before with the same value, so not put again."""
    too_old_count: int
    """Of days for which CloudWatch takes nothing any more."""
    refused_count: int
    """Values that CloudWatch does not take: not finite, beyond 2^360, or of a moment that has not come."""


def put_time(day: date) -> datetime:
    """Return the moment at which a day's values are put."""
    return datetime.combine(day, PUT_AT, tzinfo=UTC)


def first_taken(now: datetime) -> date:
    """Return the earliest day whose values CloudWatch takes at `now`."""
    oldest = now - OLDEST
    return oldest.date() if put_time(oldest.date()) >= oldest else oldest.date() + timedelta(days=1)


def publish_values(cloudwatch: Any, values: Sequence[DailyValue], *, settings: Settings, now: datetime) -> Published:
    """Put the values that CloudWatch takes and has not got yet.

    Args:
        values: At most one for each series and day.
        now: What CloudWatch's clock says.
    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer. What was put until then is in the ledger.
        AlarmError: The ledger cannot be read or written.
    """
    first = first_taken(now)
    path = ledger_path(settings, endpoint=cloudwatch.meta.endpoint_url)
    ledger = read_ledger(path)
    recent = [each for each in values if each.usage_date >= first]
    taken = [each for each in recent if _is_taken(each, now=now)]
    new = [each for each in taken if ledger.get((each.series, each.usage_date)) != each.value]
    restated_count = sum((each.series, each.usage_date) in ledger for each in new)
    for batch in _batches(new):
        put_metric_data(cloudwatch, [_datum(each) for each in batch], namespace=settings.alarms_namespace)
        write_ledger(path, ledger, put=batch, first=first)
    return Published(
        put_count=len(new),
        restated_count=restated_count,
        unchanged_count=len(taken) - len(new),
        too_old_count=len(values) - len(recent),
        refused_count=len(recent) - len(taken),
    )


def _is_taken(value: DailyValue, *, now: datetime) -> bool:
    is_number = math.isfinite(value.value) and abs(value.value) <= LARGEST_VALUE
    return is_number and put_time(value.usage_date) <= now + AHEAD


def _datum(value: DailyValue) -> dict[str, Any]:
    return {
        "MetricName": cloudwatch_name(value.series.metric_name),
        "Dimensions": value.series.dimensions,
        "Timestamp": put_time(value.usage_date),
        "Value": value.value,
    }


def _batches(values: Iterable[DailyValue]) -> Iterator[list[DailyValue]]:
    """Yield values in batches of one call's size."""
    batch, size = [], 0
    for value in values:
        length = len(json.dumps(_datum(value), default=str))
        if batch and (len(batch) == DATA_PER_CALL or size + length > BYTES_PER_CALL):
            yield batch
            batch, size = [], 0
        batch.append(value)
        size += length
    if batch:
        yield batch
