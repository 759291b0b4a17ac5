"""Lines of JSON out of a file that may be compressed, endless or broken off: each with its place, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from ai_finops.extract import compressed

BLOCK_BYTES = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, or what stands in its place."""

    number: int
    offset: int
    """Bytes before it, decompressed."""
    content: bytes
    """Empty when there is a problem."""
    problem: str | None = None
    """Why it cannot be read."""

    @property
    def place(self) -> str:
        """Where it stands, for the quarantine."""
        return f"line {self.number}, byte {self.offset}"


def read_lines(file: BinaryIO, *, max_line_bytes: int, max_file_bytes: int) -> Iterator[Line]:
    """Yield the lines that hold something, decompressed; what cannot be read is a line with a problem, and never an error.

    A line longer than `max_line_bytes` is skipped. Damage, or more than `max_file_bytes`, ends the file.
    """
    for line in objects_of(compressed.opened(file, limit=max_file_bytes), max_line_bytes=max_line_bytes):
        content = line.content.strip()
        yield line if content == line.content else replace(line, content=content)


def objects_of(file: BinaryIO, *, max_line_bytes: int) -> Iterator[Line]:
    """Yield the lines of a file of `compressed.opened`, as `read_lines` does, with space around them only if it is a line end.

    A line that is one JSON object is given as it was read, since taking its end off would copy it.
    """
    number = offset = 0
    try:
        for content, length in _split(file, max_line_bytes=max_line_bytes):
            number, start = number + 1, offset
            offset += length
            if content is None:
                yield Line(number, start, b"", f"longer than {max_line_bytes} bytes")
                continue
            if not content.startswith(b"{") or not content.endswith((b"}", b"}\n")):
                content = content.removeprefix(_BYTE_ORDER_MARK).strip()
            if content:
                yield Line(number, start, content)
    except compressed.DamagedError as error:
        yield Line(number + 1, offset, b"", str(error))
    except compressed.TooLongError as error:
        yield Line(number + 1, offset, b"", f"the object is {error}, decompressed")


def json_problem(content: bytes) -> str | None:
    """Say why a line is not JSON, without a word of what it holds; None when it is."""
    try:
        # Given bytes, it would accept UTF-16 too; and a number of more than 4,300 digits is JSON, but no `int`.
        json.loads(content.decode("utf-8"), parse_int=str)
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start} of the line"
    except json.JSONDecodeError as error:
        return f"not JSON at character {error.pos} of the line: {error.msg.split(':')[0]}"
    except RecursionError:
        return "nested too deeply"
    return None


def _split(file: BinaryIO, *, max_line_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its length, None in the place of one that is too long; reading in blocks beats `readline`."""
    pieces: list[bytes] = []
    length = 0
    while block := file.read1(BLOCK_BYTES):  # what came before damage is given out first
        start = 0
        while end := block.find(b"\n", start) + 1:
            pieces.append(block[start:end])
            length += end - start
            yield _joined(pieces, length, max_line_bytes), length
            pieces, length, start = [], 0, end
        if start < len(block):
            length += len(block) - start
            pieces = [*pieces, block[start:]] if length <= max_line_bytes + 1 else []
    if length:
        yield _joined(pieces, length, max_line_bytes), length


def _joined(pieces: list[bytes], length: int, max_line_bytes: int) -> bytes | None:
    if length > max_line_bytes + 2 or sum(map(len, pieces)) < length:
        return None
    content = b"".join(pieces)
    return content if length <= max_line_bytes or len(content.rstrip(b"\r\n")) <= max_line_bytes else None
