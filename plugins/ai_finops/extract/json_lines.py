"""Lines of JSON out of a file that may be compressed, endless or broken off: each with its place, in bounded memory."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

DAMAGED = "truncated or damaged gzip"
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SKIPPED_AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, or what stands in its place."""

    number: int
    offset: int
    """Bytes before it, decompressed."""
    content: bytes
    """Without space around it; empty when there is a problem."""
    problem: str | None = None
    """Why it cannot be read."""

    @property
    def place(self) -> str:
        """Where it stands, for the quarantine."""
        return f"line {self.number}, byte {self.offset}"


def read_lines(file: BinaryIO, *, max_line_bytes: int, max_file_bytes: int) -> Iterator[Line]:
    """Yield the lines that hold something, decompressed; what cannot be read is a line with a problem, and never an error.

    A line longer than `max_line_bytes` is skipped. Damaged gzip, or more than `max_file_bytes`, ends the file.
    """
    file = decompressed(file)
    number = offset = 0
    try:
        while content := file.readline(max_line_bytes + 2):  # its line end too
            number, start = number + 1, offset
            offset += len(content)
            problem = None
            if len(content.rstrip(b"\r\n")) > max_line_bytes:
                offset += 0 if content.endswith(b"\n") else _skip_line(file, at_most=max_file_bytes - offset)
                content, problem = b"", f"longer than {max_line_bytes} bytes"
            if offset > max_file_bytes:
                yield Line(number, start, b"", f"the object is longer than {max_file_bytes} bytes, decompressed")
                return
            content = content.removeprefix(_BYTE_ORDER_MARK).strip()
            if content or problem:
                yield Line(number, start, content, problem)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield Line(number + 1, offset, b"", DAMAGED)


def decompressed(file: BinaryIO) -> BinaryIO:
    """Return the content of a file, which may be gzip whatever its name says."""
    start = file.read(2)
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if start == _GZIP else file


def json_problem(content: bytes) -> str | None:
    """Say why a line is not JSON, without a word of what it holds; None when it is."""
    try:
        json.loads(content.decode("utf-8"))  # given bytes, it would accept UTF-16 too
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start} of the line"
    except json.JSONDecodeError as error:
        return f"not JSON at character {error.pos} of the line: {error.msg.split(':')[0]}"
    except RecursionError:
        return "nested too deeply"
    return None


def _skip_line(file: BinaryIO, *, at_most: int) -> int:
    """Read to the end of a line and return how many bytes that was; stop soon after `at_most`."""
    skipped = 0
    while skipped <= at_most and (part := file.readline(_SKIPPED_AT_ONCE)):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
