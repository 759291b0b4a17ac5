"""Spans in a neutral form, and their two OTLP encodings: JSON as the Collector's marshaler writes it, and protobuf.

In OTLP JSON, ids are lower-case hex, 64-bit integers are strings, and zero values are left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

Value = str | bool | int | float | list[str]
INTERNAL, CLIENT = 1, 3
STATUS_UNSET, STATUS_OK, STATUS_ERROR = 0, 1, 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """One span; ids are lower-case hex."""

    scope: tuple[str, str]
    """Name and version of the instrumentation scope."""
    trace_id: str
    span_id: str
    parent_span_id: str
    """Empty for a root."""
    name: str
    kind: int
    started_at: datetime
    ended_at: datetime
    attributes: dict[str, Value]
    status_code: int = STATUS_UNSET
    status_message: str = ""


def hex_id(*parts: object, length: int) -> str:
    """Return the first `length` hex digits of a hash of `parts`: the same id on every run."""
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:length]


def unix_nanos(moment: datetime) -> int:
    """Return nanoseconds since 1970, exact to the microsecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def encode_json(spans: Iterable[Span], *, resource: Mapping[str, Value], compress: bool) -> bytes:
    """Encode one export request as one JSON document, gzipped or plain."""
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": _json_attributes(resource)},
                "scopeSpans": [
                    {"scope": {"name": name, "version": version}, "spans": [_json_span(span) for span in group]}
                    for (name, version), group in _by_scope(spans).items()
                ],
            }
        ]
    }
    return _packed(json.dumps(document, separators=(",", ":")).encode(), compress=compress)


def encode_protobuf(spans: Iterable[Span], *, resource: Mapping[str, Value], compress: bool) -> bytes:
    """Encode one export request as protobuf, gzipped or plain."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _add_attributes(resource_spans.resource.attributes, resource)
    for (name, version), group in _by_scope(spans).items():
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = name
        scope_spans.scope.version = version
        for span in group:
            _add_span(scope_spans.spans.add(), span)
    return _packed(request.SerializeToString(), compress=compress)


def _by_scope(spans: Iterable[Span]) -> dict[tuple[str, str], list[Span]]:
    groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        groups.setdefault(span.scope, []).append(span)
    return groups


def _packed(body: bytes, *, compress: bool) -> bytes:
    # mtime 0 and a low level: the same bytes on every run, and quick to make.
    return gzip.compress(body, compresslevel=3, mtime=0) if compress else body


def _json_span(span: Span) -> dict:
    status: dict[str, int | str] = {}
    if span.status_code:
        status["code"] = span.status_code
    if span.status_message:
        status["message"] = span.status_message
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({"parentSpanId": span.parent_span_id} if span.parent_span_id else {}),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(unix_nanos(span.started_at)),
        "endTimeUnixNano": str(unix_nanos(span.ended_at)),
        "attributes": _json_attributes(span.attributes),
        "status": status,
        "flags": 256,
    }


def _json_attributes(attributes: Mapping[str, Value]) -> list[dict]:
    return [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]


def _json_value(value: Value) -> dict:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}


def _add_span(target: trace_pb2.Span, span: Span) -> None:
    target.trace_id = bytes.fromhex(span.trace_id)
    target.span_id = bytes.fromhex(span.span_id)
    target.parent_span_id = bytes.fromhex(span.parent_span_id)
    target.name = span.name
    target.kind = span.kind
    target.start_time_unix_nano = unix_nanos(span.started_at)
    target.end_time_unix_nano = unix_nanos(span.ended_at)
    target.flags = 256
    target.status.code = span.status_code
    target.status.message = span.status_message
    _add_attributes(target.attributes, span.attributes)


def _add_attributes(target: Any, attributes: Mapping[str, Value]) -> None:
    for key, value in attributes.items():
        entry = target.add(key=key)
        if isinstance(value, str):
            entry.value.string_value = value
        elif isinstance(value, bool):
            entry.value.bool_value = value
        elif isinstance(value, int):
            entry.value.int_value = value
        elif isinstance(value, float):
            entry.value.double_value = value
        else:
            for item in value:
                entry.value.array_value.values.add(string_value=item)
