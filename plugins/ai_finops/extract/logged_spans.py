"""Spans as X-Ray's Transaction Search logs them, turned into OTLP: from there on they are read like any other span.

A logged span has OTLP's fields, one span an event, with attributes as a plain object and with bare words for kind and status
(AgentCore developer guide, "Understanding input spans"). Numbers, texts and lists keep their types.
"""

from __future__ import annotations

import json
import re
from typing import Any

NOT_A_SPAN = "not a span: it has no traceId"
OTHER_SHAPE = "not a span: a field has another type"
_XRAY_TRACE_ID = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})")
_COPIED = ("spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano")
_ACCOUNT = "cloud.account.id"


def request_of(message: str, *, account_id: str) -> bytes:
    """Return one event as a trace request in OTLP JSON, on one line.

    Args:
        message: The event's text.
        account_id: Account of the log group, for a span whose resource names none.
    Raises:
        ValueError: It is not a span; the message says why, without a word of what it holds.
    """
    try:
        logged = json.loads(message)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}: {error.msg.split(':')[0]}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:  # a number of more than 4,300 digits
        raise ValueError(OTHER_SHAPE) from None
    if not isinstance(logged, dict) or "traceId" not in logged:
        raise ValueError(NOT_A_SPAN)
    try:
        resource = {_ACCOUNT: account_id} | _attributes(logged.get("resource"))
        scope = {key: value for key, value in _object(logged.get("scope")).items() if key in ("name", "version")}
        scope_spans = {"scope": scope, "spans": [_span(logged)]}
        request = {"resource": {"attributes": _list(resource)}, "scopeSpans": [scope_spans]}
        return json.dumps({"resourceSpans": [request]}, separators=(",", ":")).encode()
    except (TypeError, ValueError, KeyError, OverflowError, RecursionError):
        raise ValueError(OTHER_SHAPE) from None


def _span(logged: dict) -> dict:
    span = {name: _plain(logged[name]) for name in _COPIED if logged.get(name) is not None}
    span["traceId"] = _XRAY_TRACE_ID.sub(r"\1\2", str(_plain(logged["traceId"])))
    if "endTimeUnixNano" not in span and logged.get("durationNano") is not None:
        span["endTimeUnixNano"] = str(int(span["startTimeUnixNano"]) + int(logged["durationNano"]))
    span["kind"] = _word(logged.get("kind"), prefix="SPAN_KIND_")
    status = _object(logged.get("status"))
    span["status"] = {"code": _word(status.get("code"), prefix="STATUS_CODE_")}
    span["attributes"] = _list(_object(logged.get("attributes")))
    return span


def _word(value: Any, *, prefix: str) -> str | int | None:
    """A kind or status as OTLP's JSON names it; numbers and full names as they are."""
    value = _plain(value)
    if isinstance(value, str) and value and not value.isdigit() and not value.startswith(prefix):
        return prefix + value.upper()
    return value


def _plain(value: Any) -> str | int | None:
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError("a list or an object where a text or a number belongs")


def _object(value: Any) -> dict:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise TypeError("something else where an object belongs")


def _attributes(resource: Any) -> dict:
    return _object(_object(resource).get("attributes"))


def _list(attributes: dict) -> list[dict]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items() if value is not None]


def _value(value: Any) -> dict:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value if each is not None]}}
    return {"kvlistValue": {"values": _list(value)}}
