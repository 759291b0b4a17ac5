"""How an object of OTLP JSON is cut into lines, and what is said of what is not one."""

import gzip
import io
import json
from dataclasses import replace

import pytest

from ai_finops.extract import long_requests, otlp_json
from ai_finops.extract.otlp_json import NOT_TRACES, Line, problem_of, read_requests, tagged, unread
from tests.extract.made import json_bytes, request, span

ONE = json_bytes(request(span(1)))
TWO = json_bytes(request(span(2)))


def lines(content: bytes) -> list[Line]:
    found = read_requests(io.BytesIO(content), max_bytes=10**9)
    return [replace(line, content=line.content.removesuffix(b"\n")) for line in found]


def test_one_request():
    assert lines(ONE) == [Line(1, 0, ONE)]
    assert lines(ONE + b"\n") == [Line(1, 0, ONE)]


def test_lines_know_their_number_and_offset():
    found = lines(ONE + b"\n\n  \n" + TWO + b"\n")
    assert found == [Line(1, 0, ONE), Line(4, len(ONE) + 5, TWO)]
    assert found[1].place == f"line 4, byte {len(ONE) + 5}"


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n\n"])
def test_nothing_is_nothing(content):
    assert lines(content) == []


def test_a_byte_order_mark_is_skipped():
    assert lines(b"\xef\xbb\xbf" + ONE) == [Line(1, 0, ONE)]


def test_a_request_over_several_lines_is_one():
    (only,) = lines(json.dumps(request(span(1)), indent=2).encode())
    assert (only.number, only.offset, only.problem) == (1, 0, None)
    assert json.loads(only.content) == request(span(1))


def test_a_request_over_several_lines_that_breaks_off_is_one_problem():
    (only,) = lines(json.dumps(request(span(1)), indent=2).encode()[:-20])
    assert only.problem is None  # the reader of the lines finds out
    assert problem_of(only.content).startswith("not JSON at character")


def test_a_broken_first_line_does_not_take_the_others_along():
    found = lines(ONE[:-30] + b"\n" + TWO)
    assert [line.problem is None for line in found] == [True, True]  # the reader of the lines finds out about the first
    assert found[1].content == TWO


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"resourceLogs":[]}', NOT_TRACES),
        (b"{}", NOT_TRACES),
        (b"[1, 2]", "not an OTLP request"),
        (b"hello SECRET", "not JSON at character 0"),
        (b'{"half": ', "not JSON at character"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_request_is_told(content, problem):
    (line,) = lines(content)
    assert line.problem.startswith(problem)
    assert "SECRET" not in line.problem


def test_a_line_that_is_too_long_is_skipped_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(otlp_json, "MAX_LINE_BYTES", len(ONE))
    long = b'{"resourceSpans":"' + b"x" * 3_000_000 + b'"}'
    found = lines(long + b"\n" + ONE + b"\n")
    assert [line.problem for line in found] == [f"longer than {len(ONE)} bytes", None]
    assert found[0].content == b""
    assert found[1] == Line(2, len(long) + 1, ONE)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("room", "problem"), [(1, None), (0, None), (-1, "longer than {} bytes")])
def test_a_line_end_is_no_part_of_the_limit_and_no_line_of_its_own(monkeypatch, end, room, problem):
    monkeypatch.setattr(otlp_json, "MAX_LINE_BYTES", len(ONE) + room)
    found = lines(ONE + end + TWO[:50] + end)
    assert [(line.number, line.offset) for line in found] == [(1, 0), (2, len(ONE) + len(end))]
    assert found[0].problem == (problem and problem.format(len(ONE) + room))


def test_what_is_damaged_is_a_line_with_a_problem():
    whole, broken = lines(gzip.compress(ONE + b"\n" + TWO)[:-12])
    assert whole.content == ONE
    assert broken == Line(2, len(ONE) + 1, b"", "truncated or damaged gzip")
    pretty = json.dumps(request(span(1)), indent=2).encode()
    assert lines(gzip.compress(pretty)[:-12]) == [Line(1, 0, b"", "truncated or damaged gzip")]


def test_the_place_of_what_duckdb_refuses_is_read_from_the_tag():
    line = Line(7, 1234, ONE)
    (pieces,) = tagged(line, object_number=42)
    content = b"".join(pieces)
    assert json.loads(content) == {"_object": 42, "_line": 7, "_offset": 1234} | request(span(1))
    assert unread(content) == (42, Line(7, 1234, b"", otlp_json.OTHER_SHAPE))


def test_a_very_long_line_is_cut_between_spans(monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100)
    monkeypatch.setattr(long_requests, "PART_BYTES", 2 * len(json.dumps(span(1), separators=(",", ":"))) + 1)
    content = json_bytes(request(*(span(number) for number in range(1, 6))))
    parts = [b"".join(pieces) for pieces in tagged(Line(3, 70, content), object_number=9)]
    spans = [json.loads(part)["resourceSpans"][0]["scopeSpans"][0]["spans"] for part in parts]
    assert spans == [[span(1), span(2)], [span(3), span(4)], [span(5)]]
    tags = [(json.loads(part)["_object"], json.loads(part)["_line"], json.loads(part)["_offset"]) for part in parts]
    starts = [content.index(b'"spanId":"%016x"' % number) - len('{"traceId":"",') - 32 for number in (1, 3, 5)]
    assert tags == [(9, 3, 70 + start) for start in starts]


def test_of_a_part_that_is_wrong_no_character_is_told(monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100)
    content = json_bytes(request(span(1))).replace(b'"kind":3', b'"kind":SECRET')
    (pieces,) = tagged(Line(1, 0, content), object_number=0)
    number, line = unread(b"".join(pieces))
    assert (number, line.number, line.problem) == (0, 1, "not JSON: Expecting value")


def test_valid_json_of_another_shape_is_told():
    assert problem_of(b'{"resourceSpans": {}}').startswith("not an OTLP request")
