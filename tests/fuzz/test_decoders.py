"""A few hundred inputs into each decoder, drawn by hypothesis; `make fuzz` tries a million."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_finops.extract import logged_spans
from ai_finops.extract.export_files import open_lines
from ai_finops.extract.span_loader import SpanLoader
from tests.extract import exports, invocations
from tests.extract.loading import load
from tests.extract.made import json_bytes, request, span
from tests.fuzz import seeds, targets
from tests.fuzz.found import at_fault, keep
from tests.fuzz.found_inputs import FOUND
from tests.fuzz.programs import NUMBERS, make
from tests.fuzz.targets import TARGETS, Target, Violated

EDITS = st.lists(st.lists(st.integers(0, NUMBERS - 1), min_size=3, max_size=12), min_size=1, max_size=20)


def numbers(drawn: list[int]):
    yield from drawn
    while True:
        yield 0


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_decoder(name):
    target = TARGETS[name]

    @settings(
        max_examples=4 if target.batch < 100 else 8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(EDITS)
    def check(edits):
        target.check([make(target.seeds, numbers(drawn)) for drawn in edits])

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read(name):
    target = TARGETS[name]
    target.check(list(target.seeds))


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_breaks_nothing_again(name):
    TARGETS[name].check(list(FOUND[name]))


def test_quoted_bytes_that_are_no_text_break_no_landing(tmp_path):
    # DuckDB quotes the line in its error, which is then no UTF-8 and becomes an error of another kind.
    broken = json_bytes(request(span(1, name="MARK"))).replace(b'"MARK"', b'"\xc3"x')
    loaded = load(tmp_path, broken, json_bytes(request(span(2))))
    assert [int(row["span_id"], 16) for row in loaded.spans] == [2]
    assert len(loaded.quarantine) == 1


def test_an_invocation_log_of_bytes_that_are_no_text_breaks_no_landing(tmp_path):
    broken = invocations.lines(invocations.record(1, operation="MARK")).replace(b'"MARK"', b'"\xc3"x')
    loaded = invocations.load(tmp_path, broken, invocations.lines(invocations.record(2)))
    assert [row["request_id"] for row in loaded.rows] == ["request-2"]
    assert len(loaded.quarantine) == 1


def test_a_span_that_lasts_for_ever_is_set_aside():
    event = json.dumps({"traceId": "a", "startTimeUnixNano": 1, "durationNano": float("inf")})
    with pytest.raises(ValueError, match=logged_spans.OTHER_SHAPE):
        logged_spans.request_of(event, account_id="111122223333")


def test_a_zip_file_whose_member_lies_before_its_start_is_broken():
    content = exports.zipped(b"a\n1\n")
    at = content.index(b"PK\x05\x06") + 16  # where the directory begins: beyond where it is, and members move below 0
    damaged = content[:at] + (len(content)).to_bytes(4, "little") + content[at + 4 :]
    with pytest.raises(targets.SourceBroken, match=r"s3://b/bill\.zip cannot be read"):
        list(open_lines(io.BytesIO(damaged), "s3://b/bill.zip", nulls=("",)).batches(["a"]))


def test_many_broken_lines_are_found_without_reading_their_spans(tmp_path, monkeypatch):
    read = []
    reading = SpanLoader._load_lines
    monkeypatch.setattr(SpanLoader, "_load_lines", lambda self, path: read.append(1) or reading(self, path))
    good = [json_bytes(request(span(number))) for number in range(40)]
    loaded = load(tmp_path, *(each if number % 2 else each[:-3] + b"]}]" for number, each in enumerate(good)))
    assert (len(loaded.spans), len(loaded.quarantine)) == (20, 20)
    assert len(read) == 2  # all together, and then all that are requests


# The checks can fail: each of the promises is broken once.


def test_a_decoder_that_raises_is_found_and_the_input_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.fuzz.found.FOLDER", tmp_path)

    def check(inputs):
        if b"x" in inputs:
            raise ValueError

    target = Target("made", (b"a",), check, 4)
    fault = at_fault(target, [b"a", b"b", b"x", b"c"])
    assert fault == [b"x"]
    assert [path.read_bytes() for path in keep(target, fault)] == [b"x"]


def test_an_account_that_does_not_add_up_is_found(monkeypatch):
    def lossy(loader, number, content):
        loader._accounts.objects[number].read_count += 1
        loader.add_json(number, io.BytesIO(content))

    monkeypatch.setattr(targets, "_add_json", lossy)
    with pytest.raises(Violated, match="does not add up"):
        targets.check_otlp_json([b"{}"])


def test_a_reason_that_quotes_the_input_is_found(monkeypatch):
    def talking(loader, number, content):
        loader._accounts.quarantine(number, place="line 1", reason=f"not good: {content.decode()}")

    monkeypatch.setattr(targets, "_add_json", talking)
    with pytest.raises(Violated, match="repeats what the input says"):
        targets.check_otlp_json([seeds.SECRET.encode()])


def test_a_neighbour_that_changes_a_good_span_is_found(monkeypatch):
    def dropping(loader, number, content):
        if number == 0:
            loader.add_json(number, io.BytesIO(content))

    targets.check_otlp_json([])  # the good object alone is read first
    monkeypatch.setattr(
        targets, "_spans_of", lambda add, contents: ([], targets.Accounts("traces", targets.DAY), _NOTHING)
    )
    with pytest.raises(Violated, match="changed beside others"):
        targets.check_otlp_json([b"{}"])


def test_a_bill_whose_totals_are_others_is_found(monkeypatch):
    monkeypatch.setattr(targets.Totals, "add", lambda self, *given, **named: None)
    with pytest.raises(Violated, match="totals count other lines"):
        TARGETS["cur_csv"].check(seeds.CUR_CSV[:1])


_NOTHING = targets.Accounts("traces", targets.DAY).quarantine_table()
