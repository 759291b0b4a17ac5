"""Who asked, in the headers of a message: whatever shape a queue's client gives them, and never a reason to fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

from opentelemetry import baggage, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from ai_finops.instrument.attribution import FEATURE, JOURNEY, JOURNEY_NAME, ContextBlock
from ai_finops.instrument.losses import count_loss

_BAGGAGE = "baggage"
_OURS = (FEATURE, JOURNEY, JOURNEY_NAME)
_TYPED_VALUE_KEYS = ("StringValue", "stringValue", "BinaryValue", "binaryValue", "Value")
"""Of an attribute of an SQS message (boto3, an event of Lambda) or an SNS notification."""
_JOINED = (_BAGGAGE, "tracestate")
"""Headers that may come several times and are one list."""

Headers = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def write_headers(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Write who asked, and the trace, into the headers of a message to a queue; returns them.

    HTTP clients that OpenTelemetry instruments do it themselves. Baggage is written also where the global propagators leave
    it out. A carrier that cannot be written stays as it is (`headers_unwritten`), and baggage that is longer than the 8,192
    bytes that a header may have goes without the feature (`baggage_too_long`).
    """
    headers: MutableMapping[str, str] = {} if carrier is None else carrier
    written: dict[str, str] = {}
    try:
        propagate.inject(written)
        W3CBaggagePropagator().inject(written)
        _check_length(baggage.get_all(), written.get(_BAGGAGE, ""))
        for name, value in written.items():
            headers[name] = value
    except Exception as error:  # noqa: BLE001  somebody's carrier or propagator
        count_loss("headers_unwritten", detail=type(error).__name__)
    return headers


def from_headers(headers: Headers | None) -> ContextBlock:
    """Run the block as asked by the sender of a message: reads what `write_headers` wrote, or W3C headers of any service.

    Anybody who can send these headers can name a feature: at the edge of your system, take `baggage` off what comes from
    outside.

    Args:
        headers: A mapping, or pairs of name and value as Kafka's clients and ASGI have them; values are text, bytes or
            attributes of SQS and SNS messages. None is none. What cannot be read is left out and counted (`headers_unread`).
    """
    return ContextBlock(partial(_context_of, headers))


def _context_of(headers: object) -> Context:
    read = _read(headers)
    try:
        context = W3CBaggagePropagator().extract(read, propagate.extract(read))
    except Exception as error:  # noqa: BLE001  somebody's propagator
        count_loss("headers_unread", detail=type(error).__name__)
        return Context()
    _check_names(read.get(_BAGGAGE, ""), baggage.get_all(context))
    return context


def _read(headers: object) -> dict[str, str]:
    """Names in lower case and their values as text, of those that a propagator reads."""
    read: dict[str, str] = {}
    try:
        wanted = {_BAGGAGE, *(str(field).lower() for field in propagate.get_global_textmap().fields)}
        for name, value in _pairs(headers):
            key = _text(name)
            key = None if key is None else key.lower()
            if key not in wanted or key is None or value is None:
                continue
            text = _text(value)
            if text is None:
                count_loss("headers_unread", detail=f"{key}: {type(value).__name__}")
            elif key not in read:
                read[key] = text
            elif key in _JOINED:
                read[key] = f"{read[key]},{text}"
    except Exception as error:  # noqa: BLE001  what somebody passed for headers
        count_loss("headers_unread", detail=type(error).__name__)
        return {}
    return read


def _pairs(headers: Any) -> Iterator[tuple[Any, Any]]:
    if headers is None:
        return iter(())
    items = getattr(headers, "items", None)  # not only mappings: http.server has a message of e-mail
    return iter(items() if callable(items) else headers)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, Mapping):
        return next((_text(value[key]) for key in _TYPED_VALUE_KEYS if value.get(key) is not None), None)
    if isinstance(value, list | tuple):
        texts = [_text(each) for each in value]
        return None if None in texts else ",".join(text for text in texts if text is not None)
    return None


def _check_length(said: Mapping[str, object], header: str) -> None:
    """Count where baggage has no room: OpenTelemetry leaves out what comes after what others said."""
    if any(said.get(key) and not _names(header, key) for key in _OURS):
        count_loss("baggage_too_long", detail="written")


def _check_names(header: str, said: Mapping[str, object]) -> None:
    """Count where a header that names a feature was not taken: it is longer than a header may be."""
    if any(key not in said and _names(header, key) for key in _OURS):
        count_loss("baggage_too_long", detail="read")


def _names(header: str, key: str) -> bool:
    return key in header and re.search(rf"(?:^|,)[ \t]*{re.escape(key)}[ \t]*=[ \t]*[^,; \t]", header) is not None
