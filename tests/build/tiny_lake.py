"""A lake of a few rows, written by the lake's own code."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import tables_of


def rows(source: str, table: str, *values: dict) -> pa.Table:
    """Build a lake table from rows that say only some columns."""
    schema = tables_of(source)[table]
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in values], schema=schema)


def land_traces(settings: Settings, day: date, *, span_ids: tuple[str, ...] = ("a1",), extracted_hour: int = 6) -> None:
    """Land one day of traces, one chat span for each id."""
    spans = [
        {
            "trace_id": "t" + span_id,
            "span_id": span_id,
            "operation_name": "chat",
            "started_at": datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC),
            "landing_date": day,
        }
        for span_id in span_ids
    ]
    land(settings, "traces", day, key=str(day), spans=spans, extracted_hour=extracted_hour)


def land(
    settings: Settings,
    source: str,
    day: date,
    *,
    key: str,
    extracted_hour: int = 6,
    status: str = "loaded",
    **tables: list,
) -> None:
    """Write a partition with the tables given, the others without rows, and record that the day was landed."""
    lake = Lake(settings.lake)
    lake.write_partition(
        source, key, tables={name: rows(source, name, *tables.get(name, ())) for name in tables_of(source)}
    )
    record(settings, source, day, status=status, extracted_hour=extracted_hour)


def record(settings: Settings, source: str, day: date, *, status: str, extracted_hour: int = 6) -> None:
    """Record an outcome of a landing."""
    as_of = morning_after(day)
    Lake(settings.lake).record_outcome(
        Outcome(
            source=source,
            landing_date=day,
            status=status,
            as_of_date=as_of,
            extracted_at=datetime(as_of.year, as_of.month, as_of.day, extracted_hour, tzinfo=UTC),
            partitions=(str(day),),
        )
    )
