"""OTLP as JSON: objects become files of numbered lines, and a file becomes a relation of requests.

An object is one request, or JSON Lines with a request in each. Every line gets its object's number, its own and its byte
offset written into it, so that thousands of small objects are read in one go and each span still knows where it stood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ai_finops.extract import compressed, json_lines, long_requests
from ai_finops.extract.json_lines import BLOCK_BYTES, Line

MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is quarantined: it would have to be held in memory."""
FAST_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is cut into smaller requests; DuckDB's reader keeps buffers in proportion to its longest line."""
NOT_TRACES = "not a trace request: it has no resourceSpans"
OTHER_SHAPE = "not an OTLP request: a field has another type, comes twice or is not Unicode"
_LINE_ENDS_TO_SPACE = bytes.maketrans(b"\r\n", b"  ")
_IS_PART = b'"_part":true,'
_TAG = re.compile(rb'\{"_object":(\d+),"_line":(\d+),"_offset":(\d+),(' + _IS_PART + rb")?")
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


def read_requests(file: BinaryIO, *, max_bytes: int) -> Iterator[Line]:
    """Yield the lines that hold something, perhaps with their line ends: requests, and what is none, with the problem.

    An object that is one request over several lines comes out as one line. Damage, or more than `max_bytes`, decompressed,
    ends the object.
    """
    file = compressed.opened(file, limit=max_bytes)
    lines = json_lines.objects_of(file, max_line_bytes=MAX_LINE_BYTES)
    start = list(islice(lines, 1))
    if start and not start[0].problem and not start[0].content.endswith((b"}", b"}\n")):
        start += islice(lines, 1)
        if len(start) == 2 and not start[1].problem and not start[1].content.startswith(b"{"):
            yield _looked_at(_whole(file, start[0]))
            return
    yield from map(_looked_at, chain(start, lines))


def tagged(line: Line, *, object_number: int) -> Iterator[tuple[bytes | memoryview, ...]]:
    """Yield the line as DuckDB is to read it, in pieces, line end included; a very long one in several parts.

    Raises:
        UncutError: It is too long for the fast way and no request, or one too large; the text is the reason.
    """
    tag = b'{"_object":%d,"_line":%d,"_offset":%d,'
    if len(line.content) <= FAST_LINE_BYTES:
        end = b"" if line.content.endswith(b"\n") else b"\n"
        # In pieces, because joining them would copy the line.
        yield tag % (object_number, line.number, line.offset), memoryview(line.content)[1:], end
        return
    for start, part in long_requests.cut(line.content):
        yield tag % (object_number, line.number, line.offset + start) + _IS_PART, memoryview(part)[1:], b"\n"


def unread(tagged_line: bytes) -> tuple[int, Line]:
    """Return the object's number and the line or part that `tagged` was given, with the reason why DuckDB refuses it."""
    match = _TAG.match(tagged_line)
    number, line, offset = (int(group) for group in match.groups()[:3])
    problem = problem_of(b"{" + tagged_line[match.end() :].rstrip(b"\n"))
    if match[4]:
        problem = re.sub(r" at (byte|character) \d+ of the line", "", problem)  # it would be one of the part
    return number, Line(line, offset, b"", problem)


def problem_of(content: bytes) -> str:
    """Say why a line is not an OTLP request, without a word of what it holds."""
    if _bracket_count(content) > long_requests.MAX_VALUES:
        return long_requests.TOO_MANY_VALUES
    return json_lines.json_problem(content) or OTHER_SHAPE


def requests_sql(path: Path, *, longest_line: int) -> str:
    """Return a relation with a row per tagged line of a file; DuckDB refuses it whole when one line is wrong.

    Args:
        longest_line: Bytes of the longest line; the reader's buffers are in proportion to it.
    """
    size = 1 << max(longest_line, BLOCK_BYTES).bit_length()  # few different ones, so that the query is mostly the same
    file = str(path).replace("'", "''")
    columns = f"{{'_object': 'integer', '_line': 'bigint', '_offset': 'bigint', 'resourceSpans': '{_RESOURCE_SPANS}'}}"
    return (
        f"read_json('{file}', format='newline_delimited', records=true, compression='uncompressed', "
        f"maximum_object_size={size}, columns={columns})"
    )


def _looked_at(line: Line) -> Line:
    """Tell other JSON and what is not JSON from a request without reading all of a request."""
    if line.problem or (line.content.startswith(b"{") and b'"resourceSpans"' in line.content):
        return line
    return replace(line, content=b"", problem=_problem_of_other(line.content))


def _problem_of_other(content: bytes) -> str:
    if len(content) > FAST_LINE_BYTES or _bracket_count(content) > long_requests.MAX_VALUES:
        return NOT_TRACES  # that much is certain, and to say more it would have to be held in memory
    try:
        is_other_signal = isinstance(json.loads(content.decode("utf-8")), dict)
    except (ValueError, RecursionError):
        is_other_signal = False
    return NOT_TRACES if is_other_signal else problem_of(content)


def _bracket_count(content: bytes) -> int:
    """How many arrays and objects there are at most: each takes Python fifty bytes or more."""
    return content.count(b"{") + content.count(b"[")


def _whole(file: BinaryIO, first: Line) -> Line:
    """The object as one line: its line ends are space, as there are none inside of JSON's strings."""
    try:
        file.seek(0)
        content = file.read(MAX_LINE_BYTES + 1)
    except (compressed.DamagedError, compressed.TooLongError) as error:
        return replace(first, content=b"", problem=str(error))
    if len(content) > MAX_LINE_BYTES:
        return replace(first, content=b"", problem=f"longer than {MAX_LINE_BYTES} bytes")
    return replace(first, content=content.translate(_LINE_ENDS_TO_SPACE).removeprefix(b"\xef\xbb\xbf").strip())
