"""Hand-made OTLP, in the shapes of a real exporter, as JSON and as protobuf."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

NOON = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.request.model": "amazon.nova-lite-v1:0",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}
"""The attributes of a plain call."""


def nanoseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1_000_000) * 1000)


def attributes(plain: dict) -> list[dict]:
    """OTLP's attribute list; 64-bit numbers are strings, as the specification has it."""
    return [{"key": key, "value": _value(value)} for key, value in plain.items()]


def _value(value) -> dict:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def span(number: int = 1, plain: dict | None = None, **changes) -> dict:
    """A span whose id is its number; `plain` are its attributes, a call's when left out."""
    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": "",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": nanoseconds(NOON),
        "endTimeUnixNano": nanoseconds(NOON.replace(second=2)),
        "attributes": attributes(CALL if plain is None else plain),
        "status": {},
    } | changes


def request(*spans: dict, scope: str = "some.library", resource: dict | None = None) -> dict:
    """An export request with these spans."""
    resource = {"service.name": "docs-api"} if resource is None else resource
    scope_spans = {"scope": {"name": scope, "version": "1.0"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": [scope_spans]}]}


def json_bytes(*requests: dict) -> bytes:
    """JSON Lines; a single request has no line end, as the collector's exporter writes it."""
    return b"\n".join(json.dumps(each, separators=(",", ":")).encode() for each in requests)


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def protobuf_bytes(plain: dict) -> bytes:
    """The same request as protobuf."""
    message = ExportTraceServiceRequest()
    for resource_spans in plain["resourceSpans"]:
        into = message.resource_spans.add()
        into.resource.attributes.extend(_key_values(resource_spans["resource"].get("attributes", ())))
        for scope_spans in resource_spans["scopeSpans"]:
            scope = into.scope_spans.add()
            scope.scope.name = scope_spans["scope"].get("name", "")
            scope.scope.version = scope_spans["scope"].get("version", "")
            for each in scope_spans["spans"]:
                _fill(scope.spans.add(), each)
    return message.SerializeToString()


def _fill(target, plain: dict) -> None:
    target.trace_id = bytes.fromhex(plain["traceId"])
    target.span_id = bytes.fromhex(plain["spanId"])
    target.parent_span_id = bytes.fromhex(plain.get("parentSpanId") or "")
    target.name = plain.get("name", "")
    target.kind = plain.get("kind", 0)
    target.start_time_unix_nano = int(plain["startTimeUnixNano"])
    target.end_time_unix_nano = int(plain["endTimeUnixNano"])
    target.status.code = plain.get("status", {}).get("code", 0)
    target.attributes.extend(_key_values(plain.get("attributes", ())))


def _key_values(plain) -> list[KeyValue]:
    return [KeyValue(key=each["key"], value=_any_value(each["value"])) for each in plain]


def _any_value(plain: dict) -> AnyValue:
    ((kind, value),) = plain.items()
    if kind == "stringValue":
        return AnyValue(string_value=value)
    if kind == "intValue":
        return AnyValue(int_value=int(value))
    if kind == "doubleValue":
        return AnyValue(double_value=value)
    if kind == "boolValue":
        return AnyValue(bool_value=value)
    message = AnyValue()
    if kind == "kvlistValue":
        message.kvlist_value.values.extend(_key_values(value.get("values", ())))
        return message
    message.array_value.values.extend(_any_value(each) for each in value.get("values", ()))
    return message
