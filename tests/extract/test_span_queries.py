"""What spans say of queries goes into a family of its own, and is gone when texts would be."""

import base64
import hashlib
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.extract import traces
from ai_finops.extract.said_queries import MAX_BLOCKS, read_blocks, read_embedding
from ai_finops.extract.span_queries import _token_count
from tests import sql
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)


def encoded(*numbers: float) -> str:
    return base64.b64encode(np.array(numbers, dtype="<f4").tobytes()).decode()


def asked(fingerprint: str | None = None, embedding: str | list | None = None, **more) -> dict:
    said = {"finops.query_fingerprint": fingerprint, "finops.query_embedding": embedding} | more
    return CALL | {name: value for name, value in said.items() if value is not None}


@pytest.fixture
def put(clients, settings):
    def put(name: str, body: bytes, *, day: date = DAY) -> None:
        key = f"otlp/{day:year=%Y/month=%m/day=%d}/hour=12/minute=00/{name}"
        clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=body)

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, *, as_of=AS_OF, retention_days=30, keep_content=False):
        chosen = replace(settings, content_retention_days=retention_days, keep_content=keep_content)
        return traces.land(day, settings=chosen, lake=lake, clients=clients, as_of=as_of)

    return land


def queries(lake) -> list[tuple]:
    columns = "span_id[-1], evidence, fingerprint, embedder_id, embedding, len(prompt_blocks), prompt_block_tokens, usage_date"
    files = [str(file) for file in lake.files("trace_queries", "span_queries")]
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def unmapped(lake) -> list[tuple]:
    files = [str(file) for file in lake.files("traces", "unmapped_attributes")]
    return sql.rows("select attribute_name, span_count from read_parquet($1) order by all", files)


def test_what_is_said_of_queries_lies_apart_from_the_spans(put, land, lake):
    blocks = {"finops.prompt_block_fingerprints": ["a", "b"], "finops.prompt_block_tokens": 512}
    said = asked("f1", encoded(3, 4), **{"finops.query_embedder": "tiny"}, **blocks)
    put("a.json", json_bytes(request(span(1, said), span(2, asked("f2")), span(3))))
    put("b.json", json_bytes(request(span(1, said))))  # the same span again
    put("c.binpb", protobuf_bytes(request(span(4, asked(None, [0.0, 2.0])))))
    assert land().loaded_count == 4
    vector = pytest.approx([0.6, 0.8])
    assert queries(lake) == [
        ("1", "said", "f1", "tiny", vector, 2, 512, DAY),
        ("2", "said", "f2", None, None, None, None, DAY),
        ("4", "said", None, "unnamed", [0, 1], None, None, DAY),
    ]
    for table in ("spans", "unmapped_attributes"):
        files = [str(file) for file in lake.files("traces", table)]
        found = str(sql.rows("select * from read_parquet($1)", files))
        assert "f1" not in found and encoded(3, 4) not in found and "finops." not in found


def test_where_texts_are_kept_queries_are_read_out_of_them(put, land, lake):
    question, said = {"input.value": "Where is my card?"}, asked("f2", **{"input.value": "where is my card"})
    put(
        "a.json",
        json_bytes(request(span(1, CALL | question), span(2, said), span(3), span(4, {"reranker.query": "why"}))),
    )
    land(keep_content=True)
    rows = queries(lake)
    assert [row[:2] for row in rows] == [("1", "prompt_text"), ("2", "said"), ("4", "query_text")]
    assert rows[1][2:5] == ("f2", None, None)
    assert rows[0][2] == hashlib.sha256(b"where is my card").hexdigest()[:32]
    assert rows[0][3] == "minilm-l6-v2-static-256-int8" and rows[0][-1] == DAY
    assert rows[0][4] == pytest.approx(StaticEmbedder().embed(["where is my card"])[0])
    land()
    assert [row[:2] for row in queries(lake)] == [("2", "said")]


def test_what_cannot_be_read_is_counted_and_the_span_is_kept(put, land, lake):
    put("a.json", json_bytes(request(span(1, asked("f1", "no base64!")), span(2, asked(None, encoded(0, 0))))))
    put("b.json", json_bytes(request(span(3, asked("f3", **{"finops.prompt_block_fingerprints": "{"})))))
    assert land().loaded_count == 3
    assert [row[:3] for row in queries(lake)] == [("1", "said", "f1"), ("3", "said", "f3")]
    assert unmapped(lake) == [
        ("finops.prompt_block_fingerprints (unreadable)", 1),
        ("finops.query_embedding (unreadable)", 2),
    ]


def test_queries_go_with_the_retention_of_texts(put, land, lake):
    put("a.json", json_bytes(request(span(1, asked("f1")))))
    put("a.json", json_bytes(request(span(2, asked("f2")))), day=date(2025, 6, 9))
    land(retention_days=7)
    land(date(2025, 6, 9), as_of=date(2025, 6, 9), retention_days=7)
    assert len(queries(lake)) == 2
    land(date(2025, 6, 9), as_of=date(2025, 6, 10), retention_days=7)
    assert [row[2] for row in queries(lake)] == ["f2"]


def test_a_day_that_says_nothing_more_of_queries_has_none(put, land, lake):
    put("a.json", json_bytes(request(span(1, asked("f1")))))
    land()
    put("a.json", json_bytes(request(span(1))))
    land()
    assert queries(lake) == []


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("512", 512),
        ("1000000", 1_000_000),
        ("1000001", None),
        ("0", None),
        ("-5", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_a_count_of_tokens_is_one_or_none(said, count):
    assert _token_count(said) == count


@pytest.mark.parametrize(
    ("said", "vector"),
    [
        (encoded(3, 4), [0.6, 0.8]),
        ("[3, 4]", [0.6, 0.8]),
        ('{"values":[{"intValue":"3"},{"doubleValue":4.0}]}', [0.6, 0.8]),
        ("[1e200, 0]", [1, 0]),
        (encoded(), None),
        (encoded(float("nan"), 1), None),
        (encoded(0, 0), None),
        ("AAA", None),
        (base64.b64encode(b"12345").decode(), None),
        ('["a"]', None),
        ("[true]", None),
        ('{"values":3}', None),
        ("[[1]]", None),
        ("[" * 100_000, None),
        (str([1.0] * 4096), [1 / 64] * 4096),
        (str([1.0] * 4097), None),
        ("[1" + "0" * 400 + "]", None),
        ("[1" + "0" * 5000 + "]", None),
        ('{"values":[{"intValue":"\u00b2"}]}', None),
        ('{"values":[{"intValue":"' + "9" * 5000 + '"}]}', None),
        ('{"values":[{"intValue":"--5"}]}', None),
        ('{"values":[{"intValue":[5]}]}', None),
    ],
)
def test_embeddings_are_read_or_they_are_none(said, vector):
    found = read_embedding(said)
    assert found is None if vector is None else found == pytest.approx(vector, abs=1e-7)


def test_blocks_are_numbers_by_their_text():
    first = read_blocks('["a", "b"]')
    assert first == read_blocks('{"values":[{"stringValue":"a"},{"stringValue":"b"}]}') and len(set(first)) == 2
    assert read_blocks("[]") == []
    assert len(read_blocks(r'["\ud800"]')) == 1  # half a character, which no encoding has
    assert read_blocks('["a", 1]') is read_blocks('[""]') is read_blocks("a") is None
    assert len(read_blocks(str(["x"] * (MAX_BLOCKS + 1)).replace("'", '"'))) == MAX_BLOCKS
