"""OTLP as JSON: objects become files of numbered lines, and a file becomes a relation of spans with attribute lists.

An object is one request, or JSON Lines with a request in each. Every line gets its object's number, its own and its byte
offset written into it, so that thousands of small objects are read in one go and each span still knows where it stood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from ai_finops.extract import span_attributes

MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is quarantined: it would have to be held in memory."""
FAST_LINE_BYTES = 12 * 1024 * 1024
"""A longer line is cut into smaller requests; DuckDB's reader keeps buffers in proportion to its longest line."""
SPANS_PER_CUT = 500
TOO_LONG = f"longer than {MAX_LINE_BYTES} bytes"
NOT_TRACES = "not a trace request: it has no resourceSpans"
_TAG = re.compile(rb'\{"_object":(\d+),"_line":(\d+),"_offset":(\d+),')
_SCALARS = "stringValue varchar, intValue varchar, doubleValue varchar, boolValue varchar"
_VALUE = f"struct({_SCALARS}, arrayValue json, kvlistValue json)"
_ATTRIBUTES = f"struct(key varchar, value {_VALUE})[]"
_SPAN = (
    "struct(traceId varchar, spanId varchar, parentSpanId varchar, name varchar, kind varchar, startTimeUnixNano varchar, "
    f"endTimeUnixNano varchar, status struct(code varchar), attributes {_ATTRIBUTES})"
)
_RESOURCE_SPANS = (
    f"struct(resource struct(attributes {_ATTRIBUTES}), "
    f"scopeSpans struct(scope struct(name varchar, version varchar), spans {_SPAN}[])[])[]"
)
_KEYS = "list_transform({}, lambda a: a.key)"
# Lists and maps are kept as the JSON text of their content; bytes are not read.
_TEXTS = (
    "list_transform({}, lambda a: coalesce(a.value.stringValue, a.value.intValue, a.value.doubleValue, a.value.boolValue, "
    "a.value.arrayValue::varchar, a.value.kvlistValue::varchar))"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an object."""

    number: int
    offset: int
    """Bytes before it, decompressed."""
    content: bytes
    """Without the line end; empty when it is too long to hold."""
    problem: str | None = None
    """Why it is not read; None for a request."""

    @property
    def place(self) -> str:
        """Where it stands, for the quarantine."""
        return f"line {self.number}, byte {self.offset}"


def read_requests(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines that hold something: requests, and what stands in a request's place and is not one.

    An object that is one request over several lines comes out as one line. What a reader of compressed bytes raises comes
    through.
    """
    lines = _read_lines(file)
    start = list(islice(lines, 1))
    if start and not start[0].problem and not start[0].content.endswith(b"}"):
        # Only here the second line is looked at first: were it damaged, it would take the first along.
        start += islice(lines, 1)
        if len(start) == 2 and not start[1].content.startswith(b"{"):
            yield _looked_at(_whole(file, start[0]))
            return
    yield from map(_looked_at, chain(start, lines))


def tagged(line: Line, *, object_number: int) -> Iterator[bytes]:
    """Yield the line as DuckDB is to read it, line end included; a very long one in several parts.

    Raises:
        ValueError: It is too long for the fast way and not JSON.
    """
    tag = b'{"_object":%d,"_line":%d,"_offset":%d,' % (object_number, line.number, line.offset)
    if len(line.content) <= FAST_LINE_BYTES:
        yield tag + line.content[1:] + b"\n"
        return
    for part in _cut(_parsed(line.content)):
        yield tag + json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()[1:] + b"\n"


def untagged(tagged_line: bytes) -> tuple[int, Line]:
    """Return the object's number and the line that `tagged` was given."""
    match = _TAG.match(tagged_line)
    number, line, offset = (int(group) for group in match.groups())
    return number, Line(line, offset, b"{" + tagged_line[match.end() :].rstrip(b"\n"))


def problem_of(content: bytes) -> str:
    """Say why a line is not an OTLP request, without a word of what it holds."""
    try:
        _parsed(content)
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start} of the line"
    except json.JSONDecodeError as error:
        return f"not JSON at character {error.pos} of the line: {error.msg.split(':')[0]}"
    except RecursionError:
        return "nested too deeply"
    return "not an OTLP request: a field has another type, comes twice or is not Unicode"


def requests_sql(path: Path) -> str:
    """Return a relation with a row per tagged line of a file; DuckDB refuses it whole when one line is wrong."""
    file = str(path).replace("'", "''")
    columns = f"{{'_object': 'integer', '_line': 'bigint', 'resourceSpans': '{_RESOURCE_SPANS}'}}"
    return (
        f"read_json('{file}', format='newline_delimited', records=true, compression='uncompressed', columns={columns})"
    )


def relation_sql(path: Path) -> str:
    """Return a relation over a file of tagged lines with the columns that `span_sql.flatten_sql` reads."""
    # A resource is read before its spans are unfolded, which may be thousands.
    of_resource = ", ".join(span_attributes.resource_names().values())
    return f"""(
    with requests as (
        select _object, _line, unnest(resourceSpans) as r from {requests_sql(path)}
    ),
    resources as (
        select _object, _line, {_KEYS.format("r.resource.attributes")} as keys,
            {_TEXTS.format("r.resource.attributes")} as values, r.scopeSpans as s
        from requests
    ),
    scopes as (
        select _object, _line, {span_attributes.resource_columns("keys", "values")}, unnest(s) as s from resources
    ),
    spans as (
        select _object, _line, {of_resource}, s.scope as scope, unnest(s.spans) as span from scopes
    )
    select _object as object_number, _line as object_line, span.traceId as trace_id, span.spanId as span_id,
        span.parentSpanId as parent_span_id, span.name as span_name, span.kind as span_kind,
        span.startTimeUnixNano as start_ns, span.endTimeUnixNano as end_ns, span.status.code as status_code,
        scope.name as scope_name, scope.version as scope_version, {of_resource},
        coalesce({_KEYS.format("span.attributes")}, []) as keys, {_TEXTS.format("span.attributes")} as values
    from spans
)"""  # noqa: S608 - made of constants and the path of a file of our own


def _read_lines(file: BinaryIO) -> Iterator[Line]:
    number = offset = 0
    while content := file.readline(MAX_LINE_BYTES + 1):
        number, start = number + 1, offset
        offset += len(content)
        if len(content.rstrip(b"\r\n")) > MAX_LINE_BYTES:
            offset += 0 if content.endswith(b"\n") else _skip_line(file)
            yield Line(number, start, b"", TOO_LONG)
            continue
        content = content.removeprefix(b"\xef\xbb\xbf").strip()
        if content:
            yield Line(number, start, content)


def _looked_at(line: Line) -> Line:
    """Tell other JSON and what is not JSON from a request without reading all of a request."""
    if line.problem or (line.content.startswith(b"{") and b'"resourceSpans"' in line.content):
        return line
    try:
        is_other_signal = isinstance(_parsed(line.content), dict)
    except (ValueError, RecursionError):
        is_other_signal = False
    return replace(line, problem=NOT_TRACES if is_other_signal else problem_of(line.content))


def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8"))  # given bytes, it would accept UTF-16 too, which no reader of OTLP does


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while part := file.readline(1024 * 1024):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _whole(file: BinaryIO, first: Line) -> Line:
    file.seek(0)
    content = file.read(MAX_LINE_BYTES + 1)
    if len(content) > MAX_LINE_BYTES:
        return replace(first, content=b"", problem=TOO_LONG)
    try:
        compact = json.dumps(_parsed(content), ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return replace(first, content=b"", problem=problem_of(content))
    return replace(first, content=compact)


def _cut(request: dict) -> Iterator[dict]:
    for resource_spans in request.get("resourceSpans") or ():
        for scope_spans in resource_spans.get("scopeSpans") or ():
            spans = scope_spans.get("spans") or ()
            for start in range(0, len(spans), SPANS_PER_CUT):
                part = {**scope_spans, "spans": spans[start : start + SPANS_PER_CUT]}
                yield {"resourceSpans": [{**resource_spans, "scopeSpans": [part]}]}
