"""How an object of OTLP JSON is cut into lines, and what is said of what is not one."""

import gzip
import io
import json
from dataclasses import replace

import pytest

from ai_finops.extract import otlp_json
from ai_finops.extract.otlp_json import NOT_TRACES, Line, problem_of, read_requests, tagged, untagged
from tests.extract.made import json_bytes, request, span

ONE = json_bytes(request(span(1)))
TWO = json_bytes(request(span(2)))


def lines(content: bytes) -> list[Line]:
    return [replace(line, content=line.content.removesuffix(b"\n")) for line in read_requests(io.BytesIO(content))]


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
    assert only.problem.startswith("not JSON at character")


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
    assert [line.problem for line in found] == [otlp_json.TOO_LONG, None]
    assert found[0].content == b""
    assert found[1] == Line(2, len(long) + 1, ONE)


def test_what_the_reader_of_compressed_bytes_raises_comes_through():
    broken = gzip.compress(ONE + b"\n" + TWO)[:-12]
    with pytest.raises(EOFError):
        list(read_requests(gzip.GzipFile(fileobj=io.BytesIO(broken))))


def test_a_tag_can_be_taken_off_again():
    line = Line(7, 1234, ONE)
    (pieces,) = tagged(line, object_number=42)
    content = b"".join(pieces)
    assert json.loads(content) == {"_object": 42, "_line": 7, "_offset": 1234} | request(span(1))
    assert untagged(content) == (42, line)


def test_a_very_long_line_is_cut_between_spans(monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100)
    monkeypatch.setattr(otlp_json, "SPANS_PER_CUT", 2)
    whole = request(*(span(number) for number in range(1, 6)))
    parts = [json.loads(b"".join(part)) for part in tagged(Line(1, 0, json_bytes(whole)), object_number=0)]
    spans = [part["resourceSpans"][0]["scopeSpans"][0]["spans"] for part in parts]
    assert [len(each) for each in spans] == [2, 2, 1]
    assert [each for part in spans for each in part] == whole["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert all(part["resourceSpans"][0]["resource"] == whole["resourceSpans"][0]["resource"] for part in parts)


def test_valid_json_of_another_shape_is_told():
    assert problem_of(b'{"resourceSpans": {}}').startswith("not an OTLP request")
