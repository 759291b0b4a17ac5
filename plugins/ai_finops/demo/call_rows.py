"""The sample's calls as rows: `calls.parquet` holds what the provider counted, and this says when a call's spans land."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol

import pyarrow as pa

from ai_finops.errors import SampleError


class SampleTables(Protocol):
    """What a delivery needs of the sample."""

    calls: pa.Table
    queries: pa.Table
    reranks: pa.Table
    shadow: pa.Table


class Call(NamedTuple):
    """One call as the provider saw it; the fields are the columns of `calls.parquet`."""

    call_number: int
    started_at: datetime
    duration_ms: int
    service_name: str
    feature_id: str
    pipeline_id: str
    task_type: str
    operation_name: str
    provider_name: str
    request_model: str
    uncached_input_tokens: int
    cache_read_input_tokens: int
    cache_write_5m_input_tokens: int
    output_tokens: int
    search_units: int | None
    has_usage: bool
    is_instrumented: bool
    is_error: bool
    parent_call_number: int | None
    user_number: int | None
    journey_number: int | None
    prompt_version: str | None
    query_number: int | None
    rerank_number: int | None
    landing_delay_s: int
    delivery_count: int

    @property
    def ended_at(self) -> datetime:
        """When the answer was complete."""
        return self.started_at + timedelta(milliseconds=self.duration_ms)

    @property
    def input_tokens(self) -> int:
        """All input tokens, cached ones included, as OpenTelemetry's conventions count them."""
        return self.uncached_input_tokens + self.cache_read_input_tokens + self.cache_write_5m_input_tokens

    @property
    def shows_usage(self) -> bool:
        """Whether the call's span carries token counts; a failed call has none to carry."""
        return self.has_usage and not self.is_error

    @property
    def root_call_number(self) -> int:
        """The call whose trace this one belongs to."""
        return self.call_number if self.parent_call_number is None else self.parent_call_number

    def landings(self) -> Iterator[datetime]:
        """Yield when the call's spans reach the collector.

        The first time is the call's end plus `landing_delay_s`. A call that is delivered twice lands again 1 to 12 hours
        later (by its number), so that some repeats stay in the landing day and some cross midnight.
        """
        first = self.ended_at + timedelta(seconds=self.landing_delay_s)
        yield first
        for repeat in range(1, self.delivery_count):
            yield first + timedelta(hours=repeat * (1 + self.call_number % 12))


def read_calls(table: pa.Table) -> list[Call]:
    """Return the table's rows in its order.

    Raises:
        SampleError: A column is missing, or a time has no zone.
    """
    missing = [name for name in Call._fields if name not in table.column_names]
    if missing:
        raise SampleError(f"the sample's calls have no column {missing[0]!r}; build the sample again")
    if table.schema.field("started_at").type != pa.timestamp("us", tz="UTC"):
        raise SampleError("the sample's calls.started_at is not timestamp[us, UTC]; build the sample again")
    columns = [table.column(name).to_pylist() for name in Call._fields]
    return [Call(*row) for row in zip(*columns, strict=True)]


def first_day(calls: Iterable[Call]) -> date:
    """Return the first UTC day with a call.

    Raises:
        SampleError: There are no calls.
    """
    started = min((call.started_at for call in calls), default=None)
    if started is None:
        raise SampleError("the sample holds no calls; build it again")
    return started.date()


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour that holds `moment`."""
    return moment.replace(minute=0, second=0, microsecond=0)


def midnight(day: date) -> datetime:
    """Return the first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
