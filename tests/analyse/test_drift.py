"""Weeks of queries held against the week before, and against as many others of their own."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from zlib import crc32

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from ai_finops.analyse import drift
from ai_finops.analyse.drift import measure_week, week_of
from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.lake_schemas import QUERY_DRIFTS
from ai_finops.query_text import normalise

SAMPLE = Path(drift.__file__).parents[1] / "demo" / "sample"
WEEK = date(2025, 6, 9)
BEFORE = WEEK - timedelta(days=1)
DRAWN = pa.schema(
    [
        ("feature_id", pa.string()),
        ("usage_date", pa.date32()),
        ("place", pa.int64()),
        ("fingerprint", pa.string()),
        ("embedder_id", pa.string()),
        ("embedding", pa.list_(pa.float32())),
    ]
)
COUNTS = pa.schema([("feature_id", pa.string()), ("query_count", pa.int64()), ("distinct_query_count", pa.int64())])
EAST, NORTH, UP = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def queries(day, *texts, feature="chat", embedder=None):
    """In the order of the draw; a text is a fingerprint, or an embedding where there is an embedder."""
    return [
        {"feature_id": feature, "usage_date": day, "place": place, "embedder_id": embedder}
        | ({"embedding": text} if embedder else {"fingerprint": text})
        for place, text in enumerate(texts, 1)
    ]


def measure(*drawn, counts=None, similarity=0.9):
    rows = [row for some in drawn for row in some]
    features = sorted({row["feature_id"] for row in rows if row["usage_date"] >= WEEK})
    counts = counts or [{"feature_id": name, "query_count": 40, "distinct_query_count": 30} for name in features]
    table = measure_week(
        pa.Table.from_pylist(rows, schema=DRAWN),
        counts=pa.Table.from_pylist(counts, schema=COUNTS),
        week_start_date=WEEK,
        similarity=similarity,
    )
    assert table.schema == QUERY_DRIFTS
    return table.to_pylist()


def counted(row):
    return tuple(row[f"{name}_count"] for name in ("asked", "reference", "covered", "self_covered"))


def test_half_of_the_week_is_held_against_the_week_before_and_against_the_other_half():
    # Asked are a, b and c. The week before has a, the other half b and c.
    (row,) = measure(queries(WEEK, *"abcbcx"), queries(BEFORE, *"ayz"))
    assert counted(row) == (3, 3, 1, 2)
    assert (row["feature_id"], row["week_start_date"], row["query_count"], row["distinct_query_count"]) == (
        "chat",
        WEEK,
        40,
        30,
    )
    assert (row["embedder_id"], row["similarity"]) == (None, None)


def test_both_weeks_are_held_against_with_as_many_queries():
    # The other half has three, the week before two: the third, b, is left out.
    (row,) = measure(queries(WEEK, *"abcxyb"), queries(BEFORE, *"ab"))
    assert counted(row) == (3, 2, 2, 0)


def test_embeddings_are_covered_from_the_similarity_on():
    # The cosine of (3, 4, 0) with east is 0.6, with north 0.8.
    slanted = [0.6, 0.8, 0.0]
    week = queries(WEEK, slanted, EAST, UP, UP, embedder="e")
    for similarity, covered in ((0.79, 2), (0.81, 1)):
        (row,) = measure(week, queries(BEFORE, NORTH, EAST, embedder="e"), similarity=similarity)
        assert counted(row) == (2, 2, covered, 0)
    assert (row["embedder_id"], row["similarity"]) == ("e", 0.81)


def test_where_nothing_drifts_both_cover_as_much():
    random = np.random.default_rng(1)
    places = random.permutation(800) % 20
    vectors = np.eye(32, dtype=np.float32)[places].tolist()
    (row,) = measure(queries(WEEK, *vectors[:400], embedder="e"), queries(BEFORE, *vectors[400:], embedder="e"))
    assert counted(row) == (200, 200, 200, 200)


def test_no_more_are_drawn_than_bounded(monkeypatch):
    monkeypatch.setattr(drift, "MOST_ASKED", 2)
    monkeypatch.setattr(drift, "MOST_HELD_AGAINST", 3)
    (row,) = measure(queries(WEEK, *"abcdefgh"), queries(BEFORE, *"xyzab"))
    assert counted(row) == (2, 3, 0, 0)


def test_the_embedder_of_most_queries_counts():
    week = queries(WEEK, EAST, EAST, EAST, EAST, embedder="new") + queries(WEEK, NORTH, UP, embedder="old")
    (row,) = measure(week, queries(BEFORE, EAST, embedder="old") + queries(BEFORE, UP, embedder="new"))
    assert (row["embedder_id"], counted(row)) == ("new", (2, 1, 0, 2))


def test_embeddings_of_another_length_are_of_another_space():
    week = queries(WEEK, EAST, EAST, embedder="e")
    (row,) = measure(week, queries(BEFORE, [1.0, 0.0], EAST, embedder="e"))
    assert counted(row) == (1, 1, 1, 1)


@pytest.mark.parametrize("before", [[], queries(BEFORE, EAST, embedder="other")])
def test_without_anything_to_hold_against_nothing_is_known(before):
    (row,) = measure(queries(WEEK, EAST, EAST, embedder="e"), before)
    assert (row["embedder_id"], counted(row)) == ("e", (None,) * 4)


def test_a_single_query_has_no_other_of_its_week():
    (row,) = measure(queries(WEEK, "a"), queries(BEFORE, "a"))
    assert counted(row) == (None,) * 4


def test_features_are_held_against_themselves():
    rows = measure(queries(WEEK, *"aab"), queries(WEEK, *"aab", feature="search"), queries(BEFORE, *"a"))
    assert [(row["feature_id"], counted(row)) for row in rows] == [("chat", (1, 1, 1, 1)), ("search", (None,) * 4)]


def test_a_week_begins_on_monday():
    assert [week_of(date(2025, 6, day)) for day in (8, 9, 15, 16)] == [
        date(2025, 6, 2),
        WEEK,
        WEEK,
        date(2025, 6, 16),
    ]


@pytest.fixture(scope="module")
def sample_queries():
    """(feature, day, call, text's vector, intent) of the bundled sample, a composite: BANKING77's texts at ServeGen's times."""
    asked = duckdb.sql(f"""
        select feature_id, cast(started_at as date) as day, call_number, query_number, text, intent
        from '{SAMPLE}/calls.parquet' inner join '{SAMPLE}/queries.parquet' using (query_number)
        where operation_name = 'chat' order by md5(call_number::varchar)""").fetchall()
    texts = sorted({text for *_, text, _ in asked})
    vectors = StaticEmbedder().embed([normalise(text) for text in texts])
    places = {text: place for place, text in enumerate(texts)}
    return [(feature, day, vectors[places[text]].tolist(), intent) for feature, day, _, _, text, intent in asked]


def of_sample(sample_queries, *, feature, is_asked=lambda is_now, intent: True):
    """The drift of the sample's second week, of the queries that are taken to be asked."""
    weeks = [
        [
            vector
            for name, day, vector, intent in sample_queries
            if name == feature and (day >= WEEK) is is_now and is_asked(is_now, intent)
        ]
        for is_now in (True, False)
    ]
    (row,) = measure(
        queries(WEEK, *weeks[0][:6000], embedder="e"), queries(BEFORE, *weeks[1][:6000], embedder="e"), similarity=0.85
    )
    return counted(row)


def test_the_sample_s_queries_do_not_drift_and_other_intents_do(sample_queries):
    # Texts are drawn at random in both weeks: 3 in a hundred are chance.
    _, _, covered, self_covered = of_sample(sample_queries, feature="support_chat")
    assert covered / self_covered > 0.97
    # The week before asks of half of the intents, the week of the others.
    halves = of_sample(
        sample_queries,
        feature="support_chat",
        is_asked=lambda is_now, intent: (crc32(intent.encode()) % 2 == 1) is is_now,
    )
    print(f"same intents {covered} of {self_covered}, other intents {halves[2]} of {halves[3]}")
    assert halves[2] / halves[3] < 0.5
