"""Queries of a day against those before them: by hand, against a product of all pairs, and on recorded data."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.analyse.prompt_prefixes import reusable_block_counts
from ai_finops.analyse.queries import QueryRules, measure_day
from ai_finops.demo.sample import load_sample
from ai_finops.lake_schemas import QUERY_NEIGHBOURS
from ai_finops.query_text import normalise

DAY = date(2025, 6, 3)
NOON = datetime(2025, 6, 3, 12, tzinfo=UTC)
RULES = QueryRules(similarities=(0.85, 0.95), window_s=86_400, asked_again_window_s=300, asked_again_similarity=0.85)
ASKED = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("feature_id", "trace_id", "span_id", "evidence", "fingerprint", "embedder_id")
        ),
        ("embedding", pa.list_(pa.float32())),
        ("prompt_blocks", pa.list_(pa.int64())),
        ("prompt_block_tokens", pa.int64()),
        ("model_id", pa.string()),
        ("asker_id", pa.string()),
        ("asked_at", pa.timestamp("us", tz="UTC")),
    ]
)
MOONCAKE = Path(__file__).parents[1] / "fixtures" / "mooncake" / "prompts.parquet"


def query(number: int, *, at: datetime = NOON, feature_id: str = "chat", **more) -> dict:
    ids = {"trace_id": f"t{number}", "span_id": f"s{number}", "evidence": "said"}
    return {"feature_id": feature_id, "asked_at": at, "embedder_id": "e" if "embedding" in more else None} | ids | more


def measured(*rows: dict, rules: QueryRules = RULES, day: date = DAY) -> dict[str, dict]:
    table = measure_day(pa.Table.from_pylist(list(rows), schema=ASKED), day=day, rules=rules)
    assert table.schema == QUERY_NEIGHBOURS
    return {f"{row['trace_id']}/{row['feature_id']}": row for row in table.to_pylist()}


def repeats(*rows: dict, **more) -> dict[str, bool | None]:
    return {name.split("/")[0]: row["is_repeat"] for name, row in measured(*rows, **more).items()}


@pytest.mark.parametrize(("seconds", "is_repeat"), [(86_400, True), (86_401, False)])
def test_an_earlier_one_counts_for_24_hours_across_midnight(seconds, is_repeat):
    before = query(1, at=NOON - timedelta(seconds=seconds), fingerprint="f")
    assert repeats(before, query(2, fingerprint="f")) == {"t2": is_repeat}


def test_a_later_one_and_one_of_another_feature_do_not_count():
    later, other = (
        query(2, at=NOON + timedelta(seconds=1), fingerprint="f"),
        query(3, fingerprint="f", feature_id="search"),
    )
    assert repeats(query(1, fingerprint="f"), later, other) == {"t1": False, "t2": True, "t3": False}


def test_without_text_nothing_is_known_of_a_query():
    row = measured(query(1, prompt_blocks=[1], prompt_block_tokens=512))["t1/chat"]
    assert (row["is_repeat"], row["is_compared"], row["reached_similarity"], row["is_asked_again"]) == (
        None,
        False,
        None,
        None,
    )
    assert row["prompt_block_tokens"] == 512


def test_the_highest_similarity_that_is_reached():
    rows = measured(
        query(1, embedding=[1, 0]),
        query(2, at=NOON + timedelta(seconds=1), embedding=[0.8, 0.6]),  # 0.8 to the first
        query(3, at=NOON + timedelta(seconds=2), embedding=[0.9, float(np.sqrt(0.19))]),  # 0.9815 to the second
        query(4, at=NOON + timedelta(seconds=3), embedding=[float(np.sqrt(0.19)), -0.9]),
    )
    assert [row["reached_similarity"] for row in rows.values()] == [None, None, 0.95, None]
    assert all(row["is_compared"] for row in rows.values())


def test_spaces_are_apart_and_fingerprints_are_not():
    one = query(1, embedding=[1, 0], fingerprint="f", asker_id="u")
    other = query(2, at=NOON + timedelta(seconds=1), embedding=[1, 0], embedder_id="other", asker_id="u")
    told = query(3, at=NOON + timedelta(seconds=2), fingerprint="f")
    rows = measured(one, other, told)
    assert rows["t2/chat"]["reached_similarity"] is None and rows["t2/chat"]["is_repeat"] is False
    assert rows["t2/chat"]["is_asked_again"] is False
    assert rows["t3/chat"]["is_repeat"] is True and rows["t3/chat"]["is_compared"] is False


def test_an_embedding_of_another_length_is_not_compared():
    rows = measured(query(1, embedding=[1, 0]), query(2, embedding=[1, 0]), query(3, embedding=[1, 0, 0]))
    assert [row["is_compared"] for row in rows.values()] == [True, True, False]
    assert rows["t3/chat"]["reached_similarity"] is None


def test_an_equal_embedding_is_the_same_text_where_there_is_no_fingerprint():
    assert repeats(query(1, embedding=[1, 0]), query(2, embedding=[1, 0])) == {"t1": False, "t2": True}


def test_who_asks_again_within_minutes():
    soon, late = NOON + timedelta(seconds=300), NOON + timedelta(seconds=900)
    rows = measured(
        query(1, fingerprint="f", asker_id="u"),
        query(2, at=soon, fingerprint="f", asker_id="u"),
        query(3, at=late, fingerprint="f", asker_id="u"),
        query(4, at=late, fingerprint="f"),
    )
    assert [row["is_asked_again"] for row in rows.values()] == [False, True, False, None]


def test_prompts_by_the_lifetimes_of_caches():
    blocks = {"prompt_block_tokens": 100, "model_id": "m"}
    rows = measured(
        query(1, at=NOON - timedelta(hours=24), prompt_blocks=[1, 2, 3], **blocks),
        query(2, at=NOON - timedelta(minutes=6), prompt_blocks=[1, 2], **blocks),
        query(3, prompt_blocks=[1, 2, 3, 4], **blocks),
        query(4, prompt_blocks=[1, 2, 3, 4], **blocks | {"model_id": "other"}),
        query(3, prompt_blocks=[1, 2, 3, 4], **blocks, feature_id="other feature, same prompt"),
    )
    names = ("prompt_block_tokens", "reusable_5m_tokens", "reusable_1h_tokens", "reusable_24h_tokens")
    assert [rows["t3/chat"][name] for name in names] == [400, 0, 200, 300]
    assert [rows["t4/chat"][name] for name in names] == [400, 0, 0, 0]
    assert [rows["t3/other feature, same prompt"][name] for name in names] == [None] * 4


def test_no_queries_give_a_table_without_rows():
    assert measured() == {} == measured(query(1, at=NOON - timedelta(days=1), fingerprint="f"))


def test_a_day_of_the_sample_as_the_product_of_all_pairs_has_it():
    """Composite: texts of BANKING77, arrivals of ServeGen."""
    similarities = (0.85, 0.90, 0.92, 0.95, 0.98)
    rows, vectors, texts = sample_day()
    rules = QueryRules(
        similarities=similarities, window_s=86_400, asked_again_window_s=300, asked_again_similarity=0.85
    )
    found = measured(*rows, rules=rules, day=rows[-1]["asked_at"].date())
    at = np.array([row["asked_at"].timestamp() for row in rows])
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    earlier = np.tri(len(rows), k=-1, dtype=bool) & (at[:, None] - at[None, :] <= 86_400)
    best = np.where(earlier, cosines, -1).max(axis=1)
    same = (earlier & (np.array(texts)[:, None] == np.array(texts)[None, :])).any(axis=1)
    of_day = [place for place, row in enumerate(rows) if row["asked_at"].date() == rows[-1]["asked_at"].date()]
    assert len(of_day) > 500
    for place in of_day:
        row = found[f"{rows[place]['trace_id']}/chat"]
        reached = [each for each in similarities if best[place] >= each or same[place]]
        assert row["is_repeat"] == same[place]
        assert row["reached_similarity"] == (reached[-1] if reached else None), (place, best[place])


def sample_day() -> tuple[list[dict], np.ndarray, list[str]]:
    """One feature's queries of two days, the first of several at an instant first."""
    sample = load_sample()
    calls = sample.calls.to_pylist()
    texts = dict(zip(*(sample.queries[name].to_pylist() for name in ("query_number", "text")), strict=True))
    asked = sorted(
        (call["started_at"], call["call_number"], normalise(texts[call["query_number"]]))
        for call in calls
        if call["query_number"] is not None and call["operation_name"] == "chat"
    )
    last = asked[-1][0].date() - timedelta(days=1)
    chosen = [each for each in asked if last - timedelta(days=1) <= each[0].date() <= last]
    kept = [text for _, _, text in chosen]
    vectors = StaticEmbedder().embed(kept)
    rows = [
        query(number, at=at, trace_id=f"{number:08}", embedding=vector, fingerprint=text)
        for (at, number, text), vector in zip(chosen, vectors, strict=True)
    ]
    return rows, vectors, kept


def test_prompts_of_an_hour_as_a_direct_computation_has_them():
    """Mooncake's trace: an endless cache would have read 0.366 of all blocks."""
    table = pq.read_table(MOONCAKE).sort_by("timestamp_ms")
    prompts, at = table["block_ids"].to_pylist(), table["timestamp_ms"].to_pylist()
    counts = reusable_block_counts(prompts, at, ["m"] * len(prompts), lifetimes=[300_000, 3_600_000, 86_400_000])
    seen: set[int] = set()
    direct = 0
    for blocks in prompts:
        new = [block not in seen for block in blocks]
        direct += new.index(True) if True in new else len(new)
        seen.update(blocks)
    assert counts[:, 2].sum() == direct
    shares = counts.sum(axis=0) / sum(map(len, prompts))
    assert shares.round(3).tolist() == [0.288, 0.366, 0.366]
