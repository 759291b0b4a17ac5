"""Estimates are made where texts land, from three days of them, and outlive the texts."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ai_finops.context_use import METHOD_ID, estimate_uses
from ai_finops.errors import LakeError
from ai_finops.extract import context_uses, traces
from ai_finops.lake import Lake
from tests import sql
from tests.extract.made import CALL, NOON, json_bytes, nanoseconds, request, span

BEFORE, DAY, AFTER = date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 3)
AS_OF = date(2025, 6, 4)
USED, UNUSED = "Returns are accepted up to 45 days after delivery.", "Shoes come in sizes 35 to 48."
ANSWER = "You can return them up to 45 days after delivery."
RETRIEVAL = {
    "openinference.span.kind": "RETRIEVER",
    "input.value": "How long may I keep shoes?",
    "retrieval.documents.0.document.id": "a",
    "retrieval.documents.0.document.content": UNUSED,
    "retrieval.documents.2.document.id": "c",
    "retrieval.documents.2.document.content": USED,
}
ANSWERED = CALL | {"gen_ai.output.messages": json.dumps([{"role": "assistant", "content": ANSWER}])}
LATER = {"startTimeUnixNano": nanoseconds(NOON.replace(second=1))}
EARLIER = {"startTimeUnixNano": nanoseconds(NOON.replace(hour=11))}


@pytest.fixture
def put(clients, settings):
    def put(name: str, *spans: dict, day: date = DAY) -> None:
        key = f"otlp/{day:year=%Y/month=%m/day=%d}/hour=12/minute=00/{name}.json"
        clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=json_bytes(request(*spans)))

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, *, as_of=AS_OF, keep_content=True, retention_days=30):
        chosen = replace(settings, keep_content=keep_content, content_retention_days=retention_days)
        return traces.land(day, settings=chosen, lake=lake, clients=clients, as_of=as_of)

    return land


def uses(lake: Lake) -> list[tuple]:
    files = [str(file) for file in lake.files("context_uses", "document_uses")]
    columns = "span_id[-1], document_rank, use_score >= 0.5 as is_used, answer_count, landing_date"
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def test_each_document_is_held_against_the_answer(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land()
    assert uses(lake) == [("1", 1, False, 1, DAY), ("1", 3, True, 1, DAY)]
    (file,) = lake.files("context_uses", "document_uses")[1:]
    scores = estimate_uses(ANSWER, documents=[UNUSED, USED], question="How long may I keep shoes?")
    found = sql.rows(
        "select use_score, estimated_token_count, method_id from read_parquet($1) order by all", [str(file)]
    )
    assert found == [(scores[0], 8, METHOD_ID), (scores[1], 13, METHOD_ID)]  # 29 and 50 bytes
    assert b"Returns" not in file.read_bytes()


def test_without_texts_there_is_nothing(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land(keep_content=False)
    assert uses(lake) == []
    assert not (lake.root / "data" / "context_uses").exists()


def test_texts_that_are_left_are_not_read_once_it_is_off_again(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land()
    lake.remove_partition("context_uses", str(DAY))
    land(keep_content=False)
    assert uses(lake) == []


@pytest.mark.parametrize(
    "spans",
    [
        [span(1, RETRIEVAL)],
        [span(1, RETRIEVAL), span(2, CALL, **LATER)],
        [span(1, RETRIEVAL), span(2, ANSWERED, **EARLIER)],
        [span(1, RETRIEVAL), span(2, ANSWERED | {"gen_ai.operation.name": "execute_tool"}, **LATER)],
        [span(1, RETRIEVAL), span(2, ANSWERED, traceId="1" * 32, **LATER)],
        [span(1, RETRIEVAL), span(2, CALL | {"gen_ai.output.messages": '[{"role": "user", "content": "x"}]'}, **LATER)],
        [span(2, ANSWERED)],
    ],
    ids=["no answer", "no text", "before it", "no call", "other trace", "said by others", "no retrieval"],
)
def test_without_an_answer_of_the_trace_nothing_is_known(put, land, lake, spans):
    put("a", *spans)
    land()
    assert uses(lake) == []


def test_of_several_answers_the_one_that_draws_on_a_document_most_counts(put, land, lake):
    other = CALL | {"gen_ai.completion.0.content": "We have sizes 35 to 48.", "gen_ai.completion.0.role": "assistant"}
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER), span(3, other, **LATER))
    land()
    assert uses(lake) == [("1", 1, True, 2, DAY), ("1", 3, True, 2, DAY)]


@pytest.mark.parametrize("order", [(DAY, AFTER), (AFTER, DAY), (AFTER, DAY, AFTER)])
@pytest.mark.parametrize(("retrieved", "answered"), [(DAY, AFTER), (AFTER, DAY)])
def test_an_answer_may_land_on_the_day_beside_in_any_order(put, land, lake, order, retrieved, answered):
    put("a", span(1, RETRIEVAL), day=retrieved)
    put("b", span(2, ANSWERED, **LATER), day=answered)
    for day in order:
        land(day)
    assert uses(lake) == [("1", 1, False, 1, retrieved), ("1", 3, True, 1, retrieved)]


def test_two_days_later_is_too_late(put, land, lake):
    put("a", span(1, RETRIEVAL), day=BEFORE)
    put("b", span(2, ANSWERED, **LATER), day=AFTER)
    land(BEFORE)
    land(AFTER)
    assert uses(lake) == []


def test_estimates_stay_when_the_texts_have_gone(put, land, lake):
    put("a", span(1, RETRIEVAL), day=DAY)
    put("b", span(2, ANSWERED, **LATER), day=AFTER)
    put("c", span(3), day=date(2025, 6, 10))
    land(DAY)
    land(AFTER)
    before = lake.current_version("context_uses", str(DAY))
    land(date(2025, 6, 10), as_of=date(2025, 6, 10), retention_days=7)
    assert lake.current_version("trace_contents", str(DAY)) is None
    land(DAY, as_of=date(2025, 6, 10), retention_days=7)
    land(AFTER, as_of=date(2025, 6, 10), retention_days=7)
    assert lake.current_version("context_uses", str(DAY)) == before


def test_a_day_beside_texts_that_have_gone_is_not_made_from_less(put, land, lake):
    put("a", span(2, ANSWERED, **LATER), day=DAY)
    put("b", span(1, RETRIEVAL), day=AFTER)
    land(DAY)
    land(AFTER)
    (*_, row) = uses(lake)
    assert row == ("1", 3, True, 1, AFTER)
    land(AFTER, as_of=DAY + timedelta(days=8), retention_days=7)  # texts of AFTER are there, those of DAY are not
    assert lake.current_version("trace_contents", str(DAY)) is None
    assert uses(lake)[-1] == row
    lake.remove_partition("context_uses", str(AFTER))
    land(AFTER, as_of=DAY + timedelta(days=8), retention_days=7)
    assert uses(lake) == []  # made from what there is, where nothing was before


def test_estimates_go_when_the_source_takes_the_texts_back(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land()
    put("a", span(1, {"openinference.span.kind": "RETRIEVER"}), span(2))
    land()
    assert uses(lake) == []
    assert lake.current_version("context_uses", str(DAY)) is None


def test_landing_again_is_the_same_version(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land()
    before = lake.current_version("context_uses", str(DAY))
    land()
    assert lake.current_version("context_uses", str(DAY)) == before


def test_a_landing_that_was_killed_before_it_is_made_whole_by_the_next(put, land, lake, monkeypatch):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(context_uses, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            land()
    assert uses(lake) == []
    land()
    assert len(uses(lake)) == 2


def test_an_answer_that_is_too_long_or_a_trace_that_is_too_large_is_not_read_whole(put, land, lake, monkeypatch):
    monkeypatch.setattr(context_uses, "MAX_ANSWER_CHARACTERS", 50)
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    land()
    assert uses(lake) == []
    monkeypatch.setattr(context_uses, "MAX_ANSWER_CHARACTERS", 1000)
    monkeypatch.setattr(context_uses, "MAX_ROWS", 1)
    land()
    assert uses(lake) == []


def test_a_place_that_no_list_has_is_left_out(put, land, lake):
    far = {f"retrieval.documents.{place}.document.content": USED for place in (1000, 10**25)}
    put("a", span(1, RETRIEVAL | far), span(2, ANSWERED, **LATER))
    land()
    assert [row[1] for row in uses(lake)] == [1, 3]


@pytest.mark.parametrize("share_bytes", [10, 100, 10**9])
def test_many_texts_are_read_in_shares_of_the_traces(put, land, lake, monkeypatch, share_bytes):
    monkeypatch.setattr(context_uses, "SHARE_BYTES", share_bytes)
    traces_ = [f"{number:032x}" for number in range(1, 21)]
    retrieved = [span(1, RETRIEVAL, traceId=trace) for trace in traces_]
    put("a", *retrieved, *(span(2, ANSWERED, traceId=trace, **LATER) for trace in traces_))
    land()
    assert uses(lake) == [("1", 1, False, 1, DAY)] * 20 + [("1", 3, True, 1, DAY)] * 20
    (file,) = lake.files("context_uses", "document_uses")[1:]
    order = [row[0] for row in sql.rows("select trace_id from read_parquet($1)", [str(file)])]
    assert order == [trace for trace in traces_ for _ in range(2)]


def test_texts_that_cannot_be_read_are_named(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    put("b", span(3, RETRIEVAL), day=AFTER)
    land()
    lake.current_version("trace_contents", str(DAY)).file("span_contents").write_bytes(b"no parquet")
    with pytest.raises(LakeError, match="could not read the texts of 2025-06-02"):
        land(AFTER)


def test_a_disk_that_refuses_is_a_lake_error(put, land, lake):
    put("a", span(1, RETRIEVAL), span(2, ANSWERED, **LATER))
    (lake.root / "data").mkdir(parents=True, exist_ok=True)
    (lake.root / "data" / "context_uses").write_text("no folder")
    with pytest.raises(LakeError):
        land()
