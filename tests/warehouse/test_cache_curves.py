"""What the semantic cache's saving is computed from, held to the curve that dbt publishes: one warehouse, both of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from ai_finops.analyse.cache_curves import curves
from ai_finops.build.savings_inputs import read_inputs
from tests.warehouse.tiny_lake import NOVA, SONNET, SONNET_ID, at, make_raw, run_dbt, span

DAY = "2025-06-02"
EMBEDDER = "minilm-l6-v2-static-256-int8"
# Nobody labelled pairs of the other embedder.
QUERIES = [
    # name, embedder, reached similarity, same text, tokens of its call; the first has no earlier one
    ("a", EMBEDDER, None, False, 1_000_000),
    ("b", EMBEDDER, 0.95, True, 2_000_000),
    ("c", EMBEDDER, 0.95, False, 3_000_000),
    ("d", EMBEDDER, 0.85, False, 500_000),
    ("e", "another", 0.90, False, 700_000),
    ("f", "another", 0.98, True, 100_000),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A warehouse after phase 1, with six queries of one call each on Sonnet 4 at $3 a million tokens."""
    path = tmp_path_factory.mktemp("cache_curves") / "warehouse.duckdb"
    spans = [
        span(name, f"{DAY} 10:0{n}", SONNET, uncached_input_tokens=tokens, output_tokens=0)
        for n, (name, *_, tokens) in enumerate(QUERIES)
    ]
    # An answer on another model, whose query nobody could compare.
    spans.append(span("g", f"{DAY} 11:00", NOVA, uncached_input_tokens=1000, output_tokens=0))
    queries = [
        {
            "feature_id": "support_chat",
            "trace_id": f"trace-{name}",
            "span_id": name,
            "evidence": "said",
            "embedder_id": embedder,
            "is_repeat": is_repeat,
            "is_compared": embedder is not None,
            "reached_similarity": reached,
            "asked_at": at(f"{DAY} 10:00"),
            "usage_date": date.fromisoformat(DAY),
            "prompt_block_tokens": blocks,
            "reusable_5m_tokens": short,
            "reusable_1h_tokens": long,
            "reusable_24h_tokens": long,
        }
        for (name, embedder, reached, is_repeat, _), (blocks, short, long) in zip(
            [*QUERIES, ("g", None, None, False, 0)],
            # b finds 2,000 of its 3,000 tokens within an hour, c 1,023, which is too short, and within an hour one more.
            [
                (2000, 0, 0),
                (3000, 0, 2000),
                (3000, 1023, 1024),
                (1000, 0, 0),
                (3000, 2000, 2000),
                (None,) * 3,
                (None,) * 3,
            ],
            strict=True,
        )
    ]
    make_raw(path, spans=spans, analyses={"analysis_queries": queries})
    built = run_dbt(
        path,
        "build",
        "--select=+fct_llm_calls +int_task_types_found +fct_daily_routing_decisions cache_calibrations cache_similarities"
        " lever_assumptions",
        "--exclude-resource-type=test",
        "--exclude-resource-type=unit_test",
        as_of_date="2025-06-03",
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            insert into raw.analysis_query_calls
            select call_id, trace_id, span_id, feature_id, usage_date from marts.fct_llm_calls""")
    return path


@pytest.fixture(scope="module")
def inputs(path):
    with duckdb.connect(str(path)) as connection:
        return read_inputs(connection, days=[date.fromisoformat(DAY)])


@pytest.fixture(scope="module")
def computed(path, inputs):
    with duckdb.connect(str(path)) as connection:
        calibrations = connection.execute("from seeds.cache_calibrations").to_arrow_table()
        similarities = connection.execute("from seeds.cache_similarities").to_arrow_table()["similarity"].to_pylist()
    return curves(inputs["query_bands"], calibrations=calibrations, similarities=similarities)


def test_a_curve_by_hand(computed):
    rows = {(row["embedder_id"], row["similarity"]): row for row in computed.to_pylist()}
    # b cost $6, f $0.30, and they are the same text as an earlier one, of seven queries for 21.900060 dollars.
    same = rows["none", 1.0]
    assert (same["query_count"], same["hit_count"], same["saved_cost_usd"]) == (7, 2, Decimal("6.3"))
    # Of four compared, b and c ($9) at 0.95, c right in 37 of 40.
    careful = rows[EMBEDDER, 0.95]
    assert (careful["query_count"], careful["hit_count"], careful["hit_cost_usd"]) == (4, 2, Decimal(15))
    assert careful["right_hit_count"] == pytest.approx(1.925)
    assert careful["saved_cost_usd"] == Decimal("14.325")
    # d ($1.50) comes in at 0.85, where 31 of 40 are right: 14.325 + 1.1625.
    assert rows[EMBEDDER, 0.85]["saved_cost_usd"] == Decimal("15.4875")
    # At 0.98 only what is the same text hits.
    assert rows[EMBEDDER, 0.98]["saved_cost_usd"] == Decimal(6)
    assert (rows["another", 0.9]["is_calibrated"], rows["another", 0.9]["saved_cost_usd"]) == (False, None)
    assert (rows["another", 0.92]["is_calibrated"], rows["another", 0.92]["saved_cost_usd"]) == (True, Decimal("0.3"))


def test_the_lever_and_the_mart_agree_and_a_difference_stops_the_build(path, computed):
    def build():
        return run_dbt(
            path,
            "build",
            "--select=stg_analysis__cache_curves +fct_daily_cache_opportunities,tag:phase_2",
            "--exclude-resource-type=unit_test",
            as_of_date="2025-06-03",
        )

    def put(table: pa.Table):
        with duckdb.connect(str(path)) as connection:
            connection.register("incoming", table)
            connection.execute("create or replace table raw.analysis_cache_curves as from incoming")

    put(computed)
    agreed = build()
    assert agreed.returncode == 0, agreed.stdout[-4000:] + agreed.stderr
    assert "assert_cache_savings_meet_the_curve" in agreed.stdout
    dearer = computed.to_pylist()
    next(row for row in dearer if row["saved_cost_usd"])["saved_cost_usd"] += Decimal("0.01")
    put(pa.Table.from_pylist(dearer, schema=computed.schema))
    assert "Got 1 result, configured to fail if != 0" in build().stdout
    put(computed.slice(1))
    assert "Got 1 result, configured to fail if != 0" in build().stdout
    put(computed)


def test_prompts_too_short_to_be_cached_are_not_reusable(inputs):
    (row,) = inputs["prompt_prefixes"].to_pylist()
    assert (row["model_id"], row["prompt_count"], row["long_prompt_count"]) == (SONNET_ID, 5, 4)
    assert (row["reused_5m_count"], row["reusable_5m_tokens"]) == (1, 2000)
    assert (row["reused_1h_count"], row["reusable_1h_tokens"]) == (3, 5024)
    # Of the long ones 2,000 + 3,000 + 3,000 + 3,000 - 2,000 were not found within five minutes.
    assert row["unwritten_5m_tokens"] == 9000


def test_calls_are_summed_by_what_decides_their_price(inputs):
    rows = {row["model_id"]: row for row in inputs["call_sums"].to_pylist()}
    sonnet = rows[SONNET_ID]
    assert (sonnet["call_count"], sonnet["uncached_input_tokens"], sonnet["output_tokens"]) == (6, 7_300_000, 0)
    assert (sonnet["estimated_cost_usd"], sonnet["allocated_cost_usd"]) == (Decimal("21.9"), Decimal("21.9"))
    assert (sonnet["billed_estimated_cost_usd"], sonnet["billed_allocated_cost_usd"]) == (None, None)
