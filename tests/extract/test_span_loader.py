"""Objects in, tables out: what is broken is set aside with its place, and the rest is loaded."""

import json

import pytest

from ai_finops.extract import long_requests, otlp_json, otlp_protobuf, span_loader
from tests.extract.loading import load
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span, zipped


def ids(loaded) -> list[int]:
    return [int(row["span_id"], 16) for row in loaded.spans]


def test_json_and_protobuf_agree(tmp_path):
    plain = CALL | {
        "double": 0.5,
        "finops.shadow.baseline_correct": True,
        "gen_ai.usage.cost": 1e-05,
        "gen_ai.response.finish_reasons": ["stop"],
        "text": "ä\n\u2028",
    }
    rerank = {
        "openinference.span.kind": "RERANKER",
        "reranker.input_documents.0.document.id": "a",
        "reranker.input_documents.0.document.score": 0.1,
    }
    found = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": [{"id": "ä", "score": 0.1}, {"id": 7}]}
    parent = {"parentSpanId": "00f067aa0ba902b7", "status": {"code": 1}}
    whole = request(
        span(1, plain, **parent),
        span(2, rerank),
        span(3, plain, name="finops.shadow"),
        span(4, {}),
        span(5, found),
        resource={"service.name": "s"},
    )
    as_json = load(tmp_path, json_bytes(whole))
    as_protobuf = load(tmp_path, ("protobuf", protobuf_bytes(whole)))
    assert len(as_json.spans) == 5
    assert json.loads(as_protobuf.spans[4]["details_json"])["documents"][1] == {"id": "7", "score": None}
    assert as_json.spans == as_protobuf.spans
    assert as_json.unmapped == as_protobuf.unmapped == {("double", "s"): 2, ("text", "s"): 2}


def test_compression_is_seen_by_content(tmp_path):
    loaded = load(
        tmp_path, zipped(json_bytes(request(span(1)))), ("protobuf", zipped(protobuf_bytes(request(span(2))))), b""
    )
    assert ids(loaded) == [1, 2]
    assert [account.read_count for account in loaded.objects] == [1, 1, 0]


def test_lines_keep_their_numbers(tmp_path):
    loaded = load(tmp_path, json_bytes(request(span(1))) + b"\n\n" + json_bytes(request(span(2))))
    assert [(row["object_key"], row["object_line"]) for row in loaded.spans] == [("0", 1), ("0", 3)]


def test_rows_keep_the_order_in_which_they_came(tmp_path):
    loaded = load(tmp_path, json_bytes(request(span(3), span(1))), json_bytes(request(span(2))))
    assert ids(loaded) == [3, 1, 2]


GOOD = json_bytes(request(span(1)))
ALSO_GOOD = json_bytes(request(span(2)))
HALF = json_bytes(request(span(9)))[:-40]
OTHER_TYPE = b'{"resourceSpans":[{"scopeSpans":{"spans":"SECRET"}}]}'
LONE_SURROGATE = json_bytes(request(span(9))).replace(b'"chat"', b'"\\ud800"', 1)
TWICE = GOOD.replace(b'"spanId"', b'"traceId":"SECRET","spanId"')


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (HALF, "not JSON at character"),
        (OTHER_TYPE, "not an OTLP request"),
        (LONE_SURROGATE, "not an OTLP request"),
        (TWICE, "not an OTLP request"),
        (GOOD.replace(b"docs-api", b"docs\xff"), "not UTF-8"),
        (b"SECRET", "not JSON"),
    ],
)
def test_a_broken_line_is_quarantined_with_its_place_and_the_rest_is_loaded(tmp_path, broken, reason):
    loaded = load(tmp_path, GOOD + b"\n" + broken + b"\n" + ALSO_GOOD, json_bytes(request(span(3))))
    assert ids(loaded) == [1, 2, 3]
    (row,) = loaded.quarantine
    assert row["place"] == f"line 2, byte {len(GOOD) + 1}"
    assert row["reason"].startswith(reason)
    assert (row["object_key"], row["record_count"], row["source"]) == ("0", 1, "traces")
    assert "SECRET" not in json.dumps(loaded.quarantine, default=str)
    first = loaded.objects[0]
    assert (first.read_count, first.loaded_count, first.quarantined_count) == (3, 2, 1)


def test_many_broken_lines_in_many_objects(tmp_path):
    objects = [json_bytes(request(span(n))) if n % 3 else OTHER_TYPE for n in range(1, 31)]
    loaded = load(tmp_path, *objects)
    assert ids(loaded) == [n for n in range(1, 31) if n % 3]
    assert [row["object_key"] for row in loaded.quarantine] == sorted(str(n - 1) for n in range(3, 31, 3))


def test_other_signals_are_ignored_and_counted(tmp_path):
    loaded = load(tmp_path, b'{"resourceLogs":[]}\n' + GOOD)
    assert ids(loaded) == [1]
    assert (loaded.objects[0].ignored_count, loaded.objects[0].reason) == (1, otlp_json.NOT_TRACES)


@pytest.mark.parametrize("kept", [5, 40, -9])
def test_truncated_gzip(tmp_path, kept):
    loaded = load(tmp_path, zipped(GOOD + b"\n" + ALSO_GOOD)[:kept], ALSO_GOOD)
    assert 2 in ids(loaded)
    assert [row["reason"] for row in loaded.quarantine] == ["truncated or damaged gzip"]


def test_damaged_gzip(tmp_path):
    damaged = bytearray(zipped(GOOD * 50))
    damaged[60] ^= 0xFF
    (row,) = load(tmp_path, bytes(damaged)).quarantine
    assert row["reason"] == "truncated or damaged gzip"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xff\xff", "not an OTLP request in protobuf"),
        (GOOD, "not an OTLP request in protobuf"),
        (zipped(protobuf_bytes(request(span(9))))[:-12], "truncated or damaged gzip"),
    ],
)
def test_broken_protobuf_is_quarantined_whole(tmp_path, content, reason):
    loaded = load(tmp_path, ("protobuf", content), ("protobuf", protobuf_bytes(request(span(1)))))
    assert ids(loaded) == [1]
    assert [(row["object_key"], row["reason"]) for row in loaded.quarantine] == [("0", reason)]


def test_limits_are_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(otlp_protobuf, "MAX_REQUEST_BYTES", 10)
    (row,) = load(tmp_path, ("protobuf", protobuf_bytes(request(span(1))))).quarantine
    assert row["reason"] == "longer than 10 bytes"
    monkeypatch.setattr(span_loader, "MAX_OBJECT_BYTES", len(GOOD) + 1)
    loaded = load(tmp_path, GOOD + b"\n" + ALSO_GOOD + b"\n")
    assert ids(loaded) == [1]
    assert [row["place"] for row in loaded.quarantine] == [f"line 2, byte {len(GOOD) + 1}"]
    assert [row["reason"] for row in loaded.quarantine] == [
        f"the object is longer than {len(GOOD) + 1} bytes, decompressed"
    ]


def test_wrong_rows_are_set_aside_by_reason_with_the_first_place(tmp_path):
    negative = CALL | {"gen_ai.usage.input_tokens": -1}
    lines = (
        request(span(1), span(7, negative)),
        request(span(5, negative), span(2, endTimeUnixNano="1748860000000000000")),
    )
    loaded = load(tmp_path, json_bytes(*lines))
    assert ids(loaded) == [1]
    assert [(row["place"], row["reason"], row["record_count"]) for row in loaded.quarantine] == [
        ("line 1, span 0000000000000007 and 1 more", "a token count is negative", 2),
        ("line 2, span 0000000000000002", "ends before it starts", 1),
    ]
    account = loaded.objects[0]
    assert (account.read_count, account.loaded_count, account.quarantined_count) == (4, 1, 3)


def test_of_repeats_the_most_complete_usage_stays(tmp_path):
    bare = {"gen_ai.operation.name": "chat"}
    loaded = load(
        tmp_path, json_bytes(request(span(1, bare))), json_bytes(request(span(1))), json_bytes(request(span(1, bare)))
    )
    (row,) = loaded.spans
    assert (row["object_key"], row["has_usage"]) == ("1", True)
    assert [account.duplicate_count for account in loaded.objects] == [1, 0, 1]
    assert [account.loaded_count for account in loaded.objects] == [0, 1, 0]


def test_of_equal_repeats_the_first_object_and_line_stays(tmp_path):
    loaded = load(tmp_path, GOOD + b"\n" + GOOD, GOOD)
    (row,) = loaded.spans
    assert (row["object_key"], row["object_line"]) == ("0", 1)
    assert [account.duplicate_count for account in loaded.objects] == [1, 1]


def test_a_wrong_row_is_no_repeat(tmp_path):
    negative = CALL | {"gen_ai.usage.input_tokens": -1}
    loaded = load(tmp_path, json_bytes(request(span(1, negative))), GOOD, GOOD)
    assert [row["object_key"] for row in loaded.spans] == ["1"]
    counts = [(account.quarantined_count, account.duplicate_count) for account in loaded.objects]
    assert counts == [(1, 0), (0, 0), (0, 1)]


def test_the_same_id_in_another_trace_is_another_span(tmp_path):
    assert len(load(tmp_path, json_bytes(request(span(1), span(1, traceId="ab" * 16)))).spans) == 2


def test_unmapped_attributes_are_counted_by_name_and_service(tmp_path):
    plain = CALL | {"new.thing": 1, "new.list.0.text": "x", "new.list.1.text": "y", "model4.1x": 1}
    loaded = load(
        tmp_path,
        json_bytes(request(span(1, plain), span(2, plain))),
        json_bytes(request(span(3, {"new.thing": 1}), resource={"service.name": "other"})),
    )
    assert loaded.unmapped == {
        ("new.thing", "docs-api"): 2,
        ("new.list.N.text", "docs-api"): 2,
        ("model4.1x", "docs-api"): 2,
        ("new.thing", "other"): 1,
    }


def test_small_spools_and_batches_give_the_same(tmp_path, monkeypatch):
    objects = [json_bytes(request(span(2 * n), span(2 * n + 1))) for n in range(10)]
    objects += [("protobuf", protobuf_bytes(request(span(100 + n)))) for n in range(5)]
    at_once = load(tmp_path, *objects)
    monkeypatch.setattr(span_loader, "SPOOL_BYTES", 1)
    monkeypatch.setattr(span_loader, "PROTOBUF_BYTES", 1)
    assert load(tmp_path, *objects).spans == at_once.spans
    assert len(at_once.spans) == 25


def test_a_very_long_request_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100)
    monkeypatch.setattr(long_requests, "PART_BYTES", 3 * len(GOOD))
    loaded = load(tmp_path, json_bytes(request(*(span(n) for n in range(1, 9)))))
    assert ids(loaded) == list(range(1, 9))
    assert {row["object_line"] for row in loaded.spans} == {1}


def test_a_very_long_request_that_is_broken_is_quarantined(tmp_path, monkeypatch):
    monkeypatch.setattr(otlp_json, "FAST_LINE_BYTES", 100)
    loaded = load(tmp_path, HALF, b'{"resourceSpans":[' + b"7," * 100 + b"7]}", GOOD)
    assert ids(loaded) == [1]
    assert [row["object_key"] for row in loaded.quarantine] == ["0", "1"]


SECRET = "SECRET-" + "x" * 20


def test_no_content_is_in_any_file_that_is_left(tmp_path):
    content = {
        "input.value": SECRET,
        "output.value": SECRET,
        "llm.input_messages.0.message.content": SECRET,
        "gen_ai.prompt.0.content": SECRET,
        "gen_ai.completion.0.content": SECRET,
        "gen_ai.input.messages": SECRET,
        "embedding.embeddings.0.embedding.text": SECRET,
        "reranker.query": SECRET,
        "reranker.input_documents.0.document.content": SECRET,
        "traceloop.entity.input": SECRET,
        "openinference.span.kind": "RERANKER",
        "reranker.input_documents.0.document.id": "a",
    }
    loaded = load(tmp_path, json_bytes(request(span(1, content))))
    assert len(loaded.spans) == 1
    assert SECRET not in json.dumps(loaded.spans, default=str)
    left = {file.name: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert set(left) == {"spans.parquet"}
    assert SECRET.encode() not in left["spans.parquet"]
