"""Lines out of files that are fine, compressed, endless or broken off."""

import gzip
import io
import tracemalloc

import pytest

from ai_finops.extract.json_lines import Line, json_problem, read_lines

DAMAGED = "truncated or damaged gzip"
MEGABYTE = 1024 * 1024


def read(content, *, max_line_bytes: int = 1000, max_file_bytes: int = 10_000_000) -> list[Line]:
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    return list(read_lines(file, max_line_bytes=max_line_bytes, max_file_bytes=max_file_bytes))


def test_lines_know_their_number_and_offset():
    assert read(b'{"a":1}\n\n  \r\n {"b":2} \n{"c":3}') == [
        Line(1, 0, b'{"a":1}'),
        Line(4, 13, b'{"b":2}'),
        Line(5, 23, b'{"c":3}'),
    ]
    assert Line(4, 13, b"").place == "line 4, byte 13"


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\n"])
def test_nothing_is_nothing(content):
    assert read(content) == read(gzip.compress(content)) == []


def test_compression_is_seen_by_content_and_offsets_are_of_the_text():
    assert read(gzip.compress(b"one\ntwo\n")) == [Line(1, 0, b"one"), Line(2, 4, b"two")]


def test_several_gzip_members_are_one_file():
    assert [line.content for line in read(gzip.compress(b"one\n") + gzip.compress(b"two\n"))] == [b"one", b"two"]


def test_a_byte_order_mark_is_skipped():
    assert read(b"\xef\xbb\xbfone\n") == [Line(1, 0, b"one")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("length", "problem"),
    [(1000, None), (1001, "longer than 1000 bytes"), (3_000_000, "longer than 1000 bytes")],
)
def test_a_line_that_is_too_long_is_skipped_and_the_next_is_read(length, problem, end):
    found = read(b"x" * length + end + b"next\n")
    assert [(line.number, line.problem) for line in found] == [(1, problem), (2, None)]
    assert found[1] == Line(2, length + len(end), b"next")
    assert found[0].content == (b"" if problem else b"x" * length)


@pytest.mark.parametrize(("limit", "kept"), [(12, 3), (11, 2), (8, 2), (7, 1)])
def test_a_file_that_is_too_long_ends_with_a_problem(limit, kept):
    found = read(b"one\ntwo\nxyz\n", max_file_bytes=limit)
    assert [line.content for line in found if not line.problem] == [b"one", b"two", b"xyz"][:kept]
    too_long = [line for line in found if line.problem]
    assert [(line.number, line.offset) for line in too_long] == ([] if kept == 3 else [(kept + 1, 4 * kept)])
    assert all(line.problem == f"the object is longer than {limit} bytes, decompressed" for line in too_long)


@pytest.mark.parametrize("lost", [1, 8, 30])
def test_truncated_gzip_ends_with_a_problem_after_the_whole_lines(lost):
    content = b"".join(b"%06d\n" % number for number in range(10_000))
    found = read(gzip.compress(content)[:-lost])
    assert found[-1] == Line(len(found), 7 * (len(found) - 1), b"", DAMAGED)
    assert [line.content for line in found[:-1]] == [b"%06d" % number for number in range(len(found) - 1)]
    assert len(found) > 9_000


def test_damaged_gzip_ends_with_a_problem():
    damaged = bytearray(gzip.compress(b"one\n" * 100))
    damaged[12] ^= 0xFF
    assert [line.problem for line in read(bytes(damaged))][-1] == DAMAGED


class Endless(io.RawIOBase):
    """A file of many bytes that are made as they are read, without a line end."""

    def __init__(self, length: int):
        self.length, self.position, self.most_at_once = length, 0, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, position, whence=0):
        self.position = self.length if whence == io.SEEK_END else position
        return self.position

    def readinto(self, buffer):
        count = min(len(buffer), self.length - self.position)
        self.most_at_once = max(self.most_at_once, count)
        buffer[:count] = b"x" * count
        self.position += count
        return count


def test_a_line_of_two_gigabytes_is_skipped_in_little_memory():
    length = 2 * 1024 * MEGABYTE
    tracemalloc.start()
    found = read(
        io.BufferedReader(Endless(length), MEGABYTE), max_line_bytes=MEGABYTE, max_file_bytes=4 * 1024 * MEGABYTE
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [Line(1, 0, b"", f"longer than {MEGABYTE} bytes")]
    assert peak < 16 * MEGABYTE


def test_a_bomb_is_not_read_to_its_end():
    bomb = gzip.compress(b"\n" * (200 * MEGABYTE))
    found = read(bomb, max_file_bytes=MEGABYTE)
    assert [line.offset for line in found] == [MEGABYTE]
    assert found[0].problem == f"the object is longer than {MEGABYTE} bytes, decompressed"
    file = Endless(2 * 1024 * MEGABYTE)
    (only,) = read(io.BufferedReader(file, MEGABYTE), max_file_bytes=10 * MEGABYTE)
    assert only.problem == f"the object is longer than {10 * MEGABYTE} bytes, decompressed"
    assert file.position < 16 * MEGABYTE


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"a":1}', None),
        (b"hello SECRET", "not JSON at character 0 of the line: Expecting value"),
        (b'{"SECRET": ', "not JSON at character 11 of the line: Expecting value"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8 at byte 0 of the line"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6 of the line"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", None),  # JSON, though Python has no such number
    ],
)
def test_what_is_not_json_is_told_without_a_word_of_it(content, problem):
    assert json_problem(content) == problem
