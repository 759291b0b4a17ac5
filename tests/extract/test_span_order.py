"""The same objects give the same file, byte for byte, so that a day landed twice is one version of its partition."""

import hashlib
import json

import pytest

from ai_finops.extract import long_requests, otlp_json, span_loader
from tests.extract.loading import DAY, load
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span

SHAPES = 60
BARE = {"gen_ai.operation.name": "chat"}


def objects(count: int = 150, spans: int = 100) -> list[bytes]:
    """Lines of spans with many lists of names; each tenth span of an object comes twice, once without its usage."""

    def one(number: int) -> dict:
        return span(number, CALL | {f"new.{number % SHAPES}": "x" * 300})

    numbers = [range(first, first + spans) for first in range(0, count * spans, spans)]
    return [
        json_bytes(*([request(*map(one, part), *(span(number, BARE) for number in part[::10]))] * 2))
        for part in numbers
    ]


def digest(folder, *given, threads: int) -> str:
    folder.mkdir(exist_ok=True)
    load(folder, *given, threads=threads)
    return hashlib.sha256((folder / "spans.parquet").read_bytes()).hexdigest()


def test_rows_keep_the_order_in_which_they_came_on_any_number_of_threads(tmp_path):
    given = objects()
    one = digest(tmp_path, *given, threads=1)
    assert {digest(tmp_path, *given, threads=2) for _ in range(3)} == {one}


def test_how_objects_are_read_together_does_not_show(tmp_path, monkeypatch):
    as_json = objects(20)
    as_protobuf = [("protobuf", protobuf_bytes(json.loads(each.split(b"\n")[0]))) for each in as_json]
    at_once = [digest(tmp_path, *given, threads=1) for given in (as_json, as_protobuf)]
    monkeypatch.setattr(span_loader, "SPOOL_BYTES", 100_000)
    monkeypatch.setattr(span_loader, "PROTOBUF_BYTES", 100_000)
    assert [digest(tmp_path, *given, threads=2) for given in (as_json, as_protobuf)] == at_once


def test_the_parts_of_a_long_line_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100_000)
    monkeypatch.setattr(long_requests, "PART_BYTES", 5_000)
    (given,) = objects(1, 12_000)
    one = digest(tmp_path, given, threads=1)
    assert {digest(tmp_path, given, threads=2) for _ in range(3)} == {one}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_better_repeat_is_put_where_it_always_is(tmp_path, lake, threads):
    bare, whole = json_bytes(request(span(1, BARE))), json_bytes(request(span(1), span(2)))
    versions = set()
    for _ in range(2):
        loaded = load(tmp_path, bare, *objects(10), whole, threads=threads)
        versions.add(lake.write_partition("traces", str(DAY), tables=loaded.tables).number)
    assert versions == {1}
