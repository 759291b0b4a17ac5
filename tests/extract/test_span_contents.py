"""Texts are kept where that is switched on, apart from the spans, and no longer than they may be."""

from dataclasses import replace
from datetime import date

import pytest

from ai_finops.extract import traces, vocabulary
from tests import sql
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
SPOKEN = CALL | {
    "gen_ai.input.messages": [{"role": "user", "parts": [{"content": "SECRET-QUESTION"}]}],
    "gen_ai.completion.0.content": "SECRET-ANSWER",
    "gen_ai.completion.0.role": "assistant",
    "reranker.query": "",
}


@pytest.fixture
def put(clients, settings):
    def put(name: str, body: bytes, *, day: date = DAY) -> None:
        key = f"otlp/{day:year=%Y/month=%m/day=%d}/hour=12/minute=00/{name}"
        clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=body)

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, *, as_of=AS_OF, keep_content=True, retention_days=30):
        chosen = replace(settings, keep_content=keep_content, content_retention_days=retention_days)
        return traces.land(day, settings=chosen, lake=lake, clients=clients, as_of=as_of)

    return land


def contents(lake) -> list[tuple]:
    columns = "span_id[-1], attribute_name, content_kind, content, landing_date"
    files = [str(file) for file in lake.files("trace_contents", "span_contents")]
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def test_texts_lie_apart_from_the_spans(put, land, lake):
    negative = SPOKEN | {"gen_ai.usage.input_tokens": -1}
    put("a.json", json_bytes(request(span(1, SPOKEN), span(2), span(3, negative))))
    put("b.json", json_bytes(request(span(1, SPOKEN))))  # the same span again
    put("c.binpb", protobuf_bytes(request(span(4, {"input.value": "SECRET-INPUT"}))))
    land()
    question = '{"values":[{"kvlistValue":{"values":['
    rows = contents(lake)
    assert [row[:3] for row in rows] == [
        ("1", "gen_ai.completion.0.content", "answer"),
        ("1", "gen_ai.input.messages", "prompt"),
        ("4", "input.value", "prompt"),
    ]
    assert rows[0][3:] == ("SECRET-ANSWER", DAY)
    assert rows[1][3].startswith(question) and "SECRET-QUESTION" in rows[1][3]
    assert rows[2][3] == "SECRET-INPUT"
    for table in ("spans", "quarantine", "objects", "unmapped_attributes"):
        files = [str(file) for file in lake.files("traces", table)]
        assert "SECRET" not in str(sql.rows("select * from read_parquet($1)", files))


def test_off_is_the_default_and_keeps_nothing(put, land, lake, settings):
    assert settings.keep_content is False and settings.content_retention_days == 30
    put("a.json", json_bytes(request(span(1, SPOKEN))))
    land(keep_content=False)
    assert contents(lake) == []
    assert list((lake.root / "data").glob("trace_contents/*")) == []


def test_texts_go_when_their_days_are_over_also_when_it_is_off_again(put, land, lake):
    put("a.json", json_bytes(request(span(1, SPOKEN))))
    put("a.json", json_bytes(request(span(1))), day=date(2025, 6, 9))
    land(retention_days=7)
    land(date(2025, 6, 9), as_of=date(2025, 6, 9), retention_days=7, keep_content=False)
    assert len(contents(lake)) == 2  # seven days old
    land(date(2025, 6, 9), as_of=date(2025, 6, 10), retention_days=7, keep_content=False)
    assert contents(lake) == []
    assert not (lake.root / "data" / "trace_contents" / "2025-06-02").exists()


def test_a_day_past_the_retention_is_landed_without_its_texts(put, land, lake):
    put("a.json", json_bytes(request(span(1, SPOKEN))))
    assert land(as_of=date(2025, 7, 3)).loaded_count == 1
    assert contents(lake) == []
    land(as_of=date(2025, 7, 2))
    assert len(contents(lake)) == 2


def test_texts_that_are_gone_from_the_source_are_gone_here(put, land, lake):
    put("a.json", json_bytes(request(span(1, SPOKEN))))
    land()
    put("a.json", json_bytes(request(span(1))))
    land()
    assert contents(lake) == []


def test_what_holds_text_is_known_and_never_fills_a_column_whole():
    whole = {alias.attribute for alias in vocabulary.aliases() if alias.column and not alias.part}
    assert set(vocabulary.content_kinds()) <= set(vocabulary.span_attribute_names())
    assert whole.isdisjoint(vocabulary.content_kinds())
    kinds = {"prompt", "answer", "query", "document", "tool_input", "tool_output"}
    assert set(vocabulary.content_kinds().values()) == kinds
