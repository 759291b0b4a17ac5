"""OTLP as JSON: objects become files of numbered lines, and a file becomes a relation of requests.

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

MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is quarantined: it would have to be held in memory."""
BLOCK_BYTES = 1024 * 1024
FAST_LINE_BYTES = 12 * 1024 * 1024
"""A longer line is cut into smaller requests; DuckDB's reader keeps buffers in proportion to its longest line."""
SPANS_PER_CUT = 500
TOO_LONG = f"longer than {MAX_LINE_BYTES} bytes"
NOT_TRACES = "not a trace request: it has no resourceSpans"
_TAG = re.compile(rb'\{"_object":(\d+),"_line":(\d+),"_offset":(\d+),')
_SCALARS = "stringValue varchar, intValue varchar, doubleValue double, boolValue varchar"
_VALUE = f"struct({_SCALARS}, arrayValue varchar, kvlistValue varchar)"
_ATTRIBUTES = f"struct(key varchar, value {_VALUE})[]"
_SPAN = (
    "struct(traceId varchar, spanId varchar, parentSpanId varchar, name varchar, kind varchar, startTimeUnixNano varchar, "
    f"endTimeUnixNano varchar, status struct(code varchar), attributes {_ATTRIBUTES})"
)
_RESOURCE_SPANS = (
    f"struct(resource struct(attributes {_ATTRIBUTES}), "
    f"scopeSpans struct(scope struct(name varchar, version varchar), spans {_SPAN}[])[])[]"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an object."""

    number: int
    offset: int
    """Bytes before it, decompressed."""
    content: bytes
    """Perhaps with its line end, since taking it off would copy the line; empty when it is too long to hold."""
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
    if start and not start[0].problem and not start[0].content.endswith((b"}", b"}\n")):
        # Only here the second line is looked at first: were it damaged, it would take the first along.
        start += islice(lines, 1)
        if len(start) == 2 and not start[1].content.startswith(b"{"):
            yield _looked_at(_whole(file, start[0]))
            return
    yield from map(_looked_at, chain(start, lines))


def tagged(line: Line, *, object_number: int) -> Iterator[tuple[bytes | memoryview, ...]]:
    """Yield the line as DuckDB is to read it, in pieces, line end included; a very long one in several parts.

    Raises:
        ValueError: It is too long for the fast way and not JSON.
    """
    tag = b'{"_object":%d,"_line":%d,"_offset":%d,'
    if len(line.content) <= FAST_LINE_BYTES:
        end = b"" if line.content.endswith(b"\n") else b"\n"
        # In pieces, because joining them would copy the line.
        yield tag % (object_number, line.number, line.offset), memoryview(line.content)[1:], end
        return
    for number, part in enumerate(_cut(_parsed(line.content))):
        yield (
            tag % (object_number, line.number, line.offset + number),
            json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()[1:],
            b"\n",
        )


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


def requests_sql(path: Path, *, longest_line: int) -> str:
    """Return a relation with a row per tagged line of a file; DuckDB refuses it whole when one line is wrong.

    Args:
        longest_line: Bytes of the longest line or more; the reader's buffers are in proportion to it.
    """
    file = str(path).replace("'", "''")
    columns = f"{{'_object': 'integer', '_line': 'bigint', '_offset': 'bigint', 'resourceSpans': '{_RESOURCE_SPANS}'}}"
    return (
        f"read_json('{file}', format='newline_delimited', records=true, compression='uncompressed', "
        f"maximum_object_size={max(longest_line, BLOCK_BYTES)}, columns={columns})"
    )


def _read_lines(file: BinaryIO) -> Iterator[Line]:
    number = offset = 0
    for content, length in _split(file):
        number, start = number + 1, offset
        offset += length
        if content is None:
            yield Line(number, start, b"", TOO_LONG)
            continue
        if not content.startswith(b"{") or not content.endswith((b"}", b"}\n")):
            content = content.removeprefix(b"\xef\xbb\xbf").strip()
        if content:
            yield Line(number, start, content)


def _split(file: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its length, None in the place of one that is too long; reading in blocks beats `readline`."""
    pieces: list[bytes] = []
    length = 0
    while block := file.read1(BLOCK_BYTES):  # what came before damage is given out first
        start = 0
        while end := block.find(b"\n", start) + 1:
            pieces.append(block[start:end])
            length += end - start
            yield _joined(pieces, length), length
            pieces, length, start = [], 0, end
        if start < len(block):
            length += len(block) - start
            pieces = [*pieces, block[start:]] if length <= MAX_LINE_BYTES + 1 else []
    if length:
        yield _joined(pieces, length), length


def _joined(pieces: list[bytes], length: int) -> bytes | None:
    if length > MAX_LINE_BYTES + 2 or sum(map(len, pieces)) < length:
        return None
    content = b"".join(pieces)
    return content if len(content) <= MAX_LINE_BYTES or len(content.rstrip(b"\r\n")) <= MAX_LINE_BYTES else None


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
