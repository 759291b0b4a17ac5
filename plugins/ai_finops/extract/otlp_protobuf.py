"""OTLP as protobuf: one request an object, turned into the same attribute lists as JSON."""

from __future__ import annotations

import json

import pyarrow as pa
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""A larger request is quarantined: it has to be held in memory."""
_LIST = pa.list_(pa.string())
SCHEMA = pa.schema(
    {
        "object_number": pa.int32(),
        "object_line": pa.int64(),
        "trace_id": pa.string(),
        "span_id": pa.string(),
        "parent_span_id": pa.string(),
        "span_name": pa.string(),
        "span_kind": pa.string(),
        "start_ns": pa.string(),
        "end_ns": pa.string(),
        "status_code": pa.string(),
        "scope_name": pa.string(),
        "scope_version": pa.string(),
        "resource_keys": _LIST,
        "resource_values": _LIST,
        "keys": _LIST,
        "values": _LIST,
    }
)


def read_spans(content: bytes, *, object_number: int) -> pa.Table:
    """Return the spans of one request with the columns of `SCHEMA`; they all stand in line 1.

    Raises:
        ValueError: The bytes are not an OTLP trace request.
    """
    try:
        request = ExportTraceServiceRequest.FromString(content)
    except DecodeError as error:
        raise ValueError("not an OTLP request in protobuf") from error
    rows = [
        (
            object_number,
            1,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            str(span.kind),
            str(span.start_time_unix_nano),
            str(span.end_time_unix_nano),
            str(span.status.code),
            scope_spans.scope.name,
            scope_spans.scope.version,
            resource_keys,
            resource_values,
            [attribute.key for attribute in span.attributes],
            [_text(attribute) for attribute in span.attributes],
        )
        for resource_spans in request.resource_spans
        for resource_keys, resource_values in [_lists(resource_spans.resource.attributes)]
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA)


def _lists(attributes: list[KeyValue]) -> tuple[list[str], list[str | None]]:
    return [attribute.key for attribute in attributes], [_text(attribute) for attribute in attributes]


def _text(attribute: KeyValue) -> str | None:
    """The value as OTLP's JSON writes it, a list or a map as the JSON text of its content; bytes are not read."""
    value = attribute.value
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return str(value.int_value)
    if kind == "double_value":
        return repr(value.double_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind in ("array_value", "kvlist_value"):
        return json.dumps(MessageToDict(getattr(value, kind)), ensure_ascii=False, separators=(",", ":"))
    return None
