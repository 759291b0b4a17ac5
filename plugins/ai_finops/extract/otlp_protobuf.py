"""OTLP as protobuf: one request an object, turned into the same attribute lists as JSON.

The bytes become Arrow without a Python object per span (docs/decisions/0007-protobuf-decoder.md). Arrow has no recursive
types, so a value inside a list or a map stays as it was encoded; `list_text` and `map_text` read those, which are rare.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from ptars import HandlerPool

from ai_finops.extract import span_attributes

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""A larger request is quarantined: it has to be held in memory."""
NOT_A_REQUEST = "not an OTLP request in protobuf"
_KEYS = "list_transform({}, lambda a: a.key)"
_TEXTS = """list_transform({}, lambda a: coalesce(a.value.string_value, a.value.int_value::varchar,
            a.value.double_value::varchar, a.value.bool_value::varchar,
            otlp_list_text(a.value.array_value.values), otlp_map_text(a.value.kvlist_value.values)))"""


@dataclass(frozen=True, slots=True)
class Request:
    """One request's bytes and the number of their object."""

    object_number: int
    content: bytes


def requests_table(requests: list[Request]) -> pa.Table:
    """Return a row per request: `object_number` and `resource_spans`.

    Raises:
        ValueError: The bytes of at least one are not an OTLP trace request.
    """
    batch = _handler().list_to_record_batch([request.content for request in requests])
    spans = batch.column("resource_spans")
    numbers = pa.array([request.object_number for request in requests], pa.int32())
    # Text that is not UTF-8 would reach DuckDB unseen.
    spans.validate(full=True)
    return pa.table({"object_number": numbers, "resource_spans": spans})


def register_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection the functions that `relation_sql` names."""
    for name, function in (("otlp_list_text", list_text), ("otlp_map_text", map_text)):
        connection.create_function(name, function, ["blob[]"], "varchar", null_handling="special")


def relation_sql(table: str) -> str:
    """Return a relation over a table as of `requests_table` with the columns that `span_sql.flatten_sql` reads."""
    of_resource = ", ".join(span_attributes.resource_names().values())
    return f"""(
    with resources as (
        select object_number, {_KEYS.format("r.resource.attributes")} as keys,
            {_TEXTS.format("r.resource.attributes")} as values, r.scope_spans as s
        from (select object_number, unnest(resource_spans) as r from {table})
    ),
    scopes as (
        select object_number, {span_attributes.resource_columns("keys", "values")}, unnest(s) as s from resources
    ),
    spans as (
        select object_number, {of_resource}, s.scope as scope, unnest(s.spans) as span from scopes
    )
    select object_number, 1::bigint as object_line, hex(span.trace_id) as trace_id, hex(span.span_id) as span_id,
        hex(span.parent_span_id) as parent_span_id, span.name as span_name, span.kind::varchar as span_kind,
        span.start_time_unix_nano::varchar as start_ns, span.end_time_unix_nano::varchar as end_ns,
        span.status.code::varchar as status_code, scope.name as scope_name, scope.version as scope_version, {of_resource},
        coalesce({_KEYS.format("span.attributes")}, []) as keys, {_TEXTS.format("span.attributes")} as values
    from spans
)"""  # noqa: S608 - made of constants and the name of a table of our own


def list_text(values: list[bytes] | None) -> str | None:
    """Return the JSON text of an encoded list as OTLP's JSON writes it; null when it cannot be read."""
    return None if values is None else _text(ArrayValue, AnyValue, values)


def map_text(values: list[bytes] | None) -> str | None:
    """Return the JSON text of an encoded map as OTLP's JSON writes it; null when it cannot be read."""
    return None if values is None else _text(KeyValueList, KeyValue, values)


def unreadable(requests: list[Request]) -> Iterator[Request]:
    """Yield the requests that `requests_table` refuses on their own."""
    for request in requests:
        try:
            requests_table([request])
        except ValueError:
            yield request


@cache
def _handler() -> Any:
    return HandlerPool([ExportTraceServiceRequest.DESCRIPTOR.file]).get_for_message(
        ExportTraceServiceRequest.DESCRIPTOR
    )


def _text(whole: type, part: type, values: list[bytes]) -> str | None:
    try:
        message = whole(values=[part.FromString(value) for value in values])
        return json.dumps(MessageToDict(message), ensure_ascii=False, separators=(",", ":"))
    except (DecodeError, RecursionError):
        return None
