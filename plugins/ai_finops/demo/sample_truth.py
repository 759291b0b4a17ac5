"""The columns of one feature's one operation while they are being filled, and the table that they all become."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ai_finops.demo.sample_plan import DAY_MS, FIRST_DATE, Feature
from ai_finops.demo.sample_schemas import CALLS


# Not frozen: the steps of sample_calls fill it one after the other, and nobody sees it before it is full.
@dataclass(slots=True)
class Columns:
    """One entry per call in every array; times in milliseconds since the sample's first midnight."""

    feature: Feature
    operation: str
    model: np.ndarray
    at_ms: np.ndarray
    uncached_input: np.ndarray
    cache_read: np.ndarray
    cache_write: np.ndarray
    output: np.ndarray
    search_units: np.ndarray
    has_usage: np.ndarray
    user: np.ndarray
    journey: np.ndarray
    query: np.ndarray | None = None
    rerank: np.ndarray | None = None
    parent: np.ndarray | None = None
    """Position of the parent within the chat columns of the same feature."""
    duration_ms: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    is_error: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    delay_s: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    deliveries: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def step(self, operation: str, *, model: str, uncached_input: np.ndarray, parent: np.ndarray) -> Columns:
        """Return the columns of a call that each of these calls makes first; same user, journey and query."""
        nothing = np.zeros(len(self.at_ms), dtype=np.int64)
        return Columns(
            feature=self.feature,
            operation=operation,
            model=np.full(len(nothing), model),
            at_ms=self.at_ms,
            uncached_input=uncached_input,
            cache_read=nothing,
            cache_write=nothing,
            output=nothing,
            search_units=nothing.astype(np.int32),
            has_usage=np.ones(len(nothing), dtype=bool),
            user=self.user,
            journey=self.journey,
            query=self.query,
            parent=parent,
        )


def calls_table(features: list[list[Columns]]) -> pa.Table:
    """Return all calls in order of time, numbered from 1; `features` holds each feature's columns, chat first."""
    tables, journey_offset, row_offset = [], 1, 0
    for steps in features:
        chat = steps[0]
        for columns in steps:
            parent = None if columns.parent is None else columns.parent + row_offset
            tables.append(_table(columns, parent_row=parent, journey_offset=journey_offset))
        journey_offset += int(chat.journey.max()) + 1
        row_offset += sum(len(columns.at_ms) for columns in steps)
    return _in_order(pa.concat_tables(tables))


def _table(columns: Columns, *, parent_row: np.ndarray | None, journey_offset: int) -> pa.Table:
    feature, count = columns.feature, len(columns.at_ms)
    first_midnight = np.datetime64(FIRST_DATE, "us")
    values = {
        "call_number": np.zeros(count, dtype=np.int32),
        "started_at": first_midnight + columns.at_ms.astype("timedelta64[ms]"),
        "duration_ms": columns.duration_ms,
        "service_name": [feature.service_name] * count,
        "feature_id": [feature.feature_id] * count,
        "pipeline_id": [feature.pipeline_id] * count,
        "task_type": [feature.task_type] * count,
        "operation_name": [columns.operation] * count,
        "provider_name": ["aws.bedrock"] * count,
        "request_model": columns.model,
        "uncached_input_tokens": columns.uncached_input,
        "cache_read_input_tokens": columns.cache_read,
        "cache_write_5m_input_tokens": columns.cache_write,
        "output_tokens": columns.output,
        "search_units": columns.search_units,
        "has_usage": columns.has_usage,
        "is_instrumented": np.full(count, feature.is_instrumented),
        "is_error": columns.is_error,
        "parent_call_number": _or_null(parent_row, count),
        "user_number": columns.user,
        "journey_number": columns.journey + journey_offset,
        "prompt_version": _prompt_versions(columns),
        "query_number": _or_null(columns.query, count),
        "rerank_number": _or_null(columns.rerank, count),
        "landing_delay_s": columns.delay_s,
        "delivery_count": columns.deliveries,
    }
    arrays = [pa.array(values[name.name]).cast(name.type) for name in CALLS]
    return pa.Table.from_arrays(arrays, schema=CALLS)


def _in_order(rows: pa.Table) -> pa.Table:
    """Sort by time (then as composed), number the calls, and turn parent rows into parent call numbers."""
    order = np.argsort(rows["started_at"].cast(pa.int64()).to_numpy(), kind="stable")
    number_of_row = np.empty(rows.num_rows, dtype=np.int32)
    number_of_row[order] = np.arange(1, rows.num_rows + 1)
    parents = rows["parent_call_number"].combine_chunks()
    numbered = pa.array(number_of_row).take(parents)
    rows = rows.set_column(CALLS.get_field_index("call_number"), CALLS.field("call_number"), pa.array(number_of_row))
    rows = rows.set_column(CALLS.get_field_index("parent_call_number"), CALLS.field("parent_call_number"), numbered)
    return rows.take(pa.array(order)).combine_chunks()


def _prompt_versions(columns: Columns) -> np.ndarray:
    day = columns.at_ms // DAY_MS
    versions = np.full(len(day), columns.feature.prompt_versions[0][1], dtype=object)
    for first_date, version in columns.feature.prompt_versions[1:]:
        versions[day >= (first_date - FIRST_DATE).days] = version
    return versions


def _or_null(values: np.ndarray | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.int32()) if values is None else pa.array(values)
