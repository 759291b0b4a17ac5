"""What the bundled sample promises its users, and what its reader says when a file is not what it should be."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ai_finops.demo.sample import SAMPLE_FOLDER, Sample, load_sample
from ai_finops.demo.sample_schemas import SCHEMAS
from ai_finops.errors import SampleError

MAX_BYTES = 4_000_000
FIRST, END = datetime(2025, 6, 2, tzinfo=UTC), datetime(2025, 6, 16, tzinfo=UTC)
TOKENS = ("uncached_input_tokens", "cache_read_input_tokens", "cache_write_5m_input_tokens", "output_tokens")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return load_sample()


@pytest.fixture(scope="module")
def rows(sample: Sample) -> list[dict]:
    return sample.calls.to_pylist()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE_FOLDER, tmp_path / "copy"))


def test_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.iterdir()) < MAX_BYTES


def test_readme_states_the_rows_and_bytes_there_are(sample: Sample) -> None:
    readme = (SAMPLE_FOLDER / "README.md").read_text()
    for name in SCHEMAS:
        line = next(line for line in readme.splitlines() if line.startswith(f"| `{name}.parquet`"))
        assert f"| {getattr(sample, name).num_rows:,} " in line
        assert f"| {(SAMPLE_FOLDER / f'{name}.parquet').stat().st_size:,} |" in line


def test_calls_begin_and_end_in_the_fortnight(sample: Sample, rows: list[dict]) -> None:
    assert (sample.first_day, sample.last_day) == (date(2025, 6, 2), date(2025, 6, 15))
    assert min(row["started_at"] for row in rows) >= FIRST
    for row in rows:
        ended_at = row["started_at"] + timedelta(milliseconds=row["duration_ms"])
        assert ended_at < END
        assert row["landing_delay_s"] == 0 or ended_at + timedelta(seconds=row["landing_delay_s"]) < END


def test_every_day_has_some_six_thousand_calls(rows: list[dict]) -> None:
    per_day = Counter(row["started_at"].date() for row in rows)
    assert len(per_day) == 14
    assert all(4_500 <= count <= 7_000 for count in per_day.values())
    assert 5_500 <= sum(per_day.values()) / 14 <= 6_500


def test_nothing_is_negative_and_numbers_run_in_order_of_time(rows: list[dict]) -> None:
    assert [row["call_number"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(earlier["started_at"] <= later["started_at"] for earlier, later in pairwise(rows))
    for name in (*TOKENS, "search_units", "landing_delay_s"):
        assert min(row[name] for row in rows) >= 0, name
    assert min(row["duration_ms"] for row in rows) > 0


def test_new_caller_of_the_summary_pipeline_comes_in_the_second_week(rows: list[dict]) -> None:
    callers = {week: Counter() for week in (1, 2)}
    for row in rows:
        if row["pipeline_id"] == "summarize":
            callers[1 if row["started_at"] < FIRST + timedelta(days=7) else 2][row["feature_id"]] += 1
    assert set(callers[1]) == {"document_summarization"}
    assert 0.35 <= callers[2]["batch_summarization"] / callers[2]["document_summarization"] <= 0.45


def test_features_belong_to_fewer_pipelines_over_four_services(rows: list[dict]) -> None:
    belongs = {(row["feature_id"], row["service_name"], row["pipeline_id"], row["task_type"]) for row in rows}
    assert belongs == {
        ("document_summarization", "docs-api", "summarize", "summarization"),
        ("batch_summarization", "docs-api", "summarize", "summarization"),
        ("support_chat", "support-api", "rag_answer", "chat"),
        ("ticket_triage", "support-api", "classify", "classification"),
        ("invoice_extraction", "growth-api", "extract", "extraction"),
        ("onboarding_assistant", "growth-api", "rag_answer", "chat"),
        ("contract_review", "legal-api", "review", "document_review"),
    }


def test_only_contract_review_is_not_instrumented(rows: list[dict]) -> None:
    assert {row["feature_id"] for row in rows if not row["is_instrumented"]} == {"contract_review"}
    assert all(not row["is_instrumented"] for row in rows if row["feature_id"] == "contract_review")


def test_embedding_and_rerank_are_linked_to_one_chat_each(sample: Sample, rows: list[dict]) -> None:
    by_number = {row["call_number"]: row for row in rows}
    steps = Counter()
    for row in rows:
        assert (row["parent_call_number"] is None) == (row["operation_name"] == "chat")
        if row["parent_call_number"] is not None:
            parent = by_number[row["parent_call_number"]]
            assert (parent["feature_id"], parent["operation_name"]) == ("support_chat", "chat")
            steps[parent["call_number"], row["operation_name"]] += 1
    chats = [
        row["call_number"] for row in rows if (row["feature_id"], row["operation_name"]) == ("support_chat", "chat")
    ]
    assert steps == Counter({(chat, step): 1 for chat in chats for step in ("embeddings", "rerank")})


def test_queries_and_reranks_that_are_named_exist_and_none_is_left_over(sample: Sample, rows: list[dict]) -> None:
    asked = {row["query_number"] for row in rows} - {None}
    assert asked == set(sample.queries["query_number"].to_pylist())
    named = {row["rerank_number"] for row in rows} - {None}
    assert named <= set(sample.reranks["rerank_number"].to_pylist())
    assert all((row["rerank_number"] is not None) == (row["operation_name"] == "rerank") for row in rows)


def test_reranks_hold_both_top_tens_whole(sample: Sample) -> None:
    for row in sample.reranks.to_pylist():
        assert len(row["docid"]) == len(set(row["docid"])) == len(row["relevance"])
        for name in ("rank_before", "rank_after"):
            assert sorted(row[name])[:10] == list(range(1, 11))
        assert row["rank_before"] == sorted(row["rank_before"])
        assert set(row["relevance"]) <= {None, 0, 1, 2, 3}


def test_failed_calls_count_nothing_and_show_nothing(rows: list[dict]) -> None:
    failed = [row for row in rows if row["is_error"]]
    assert 0.003 <= len(failed) / len(rows) <= 0.007
    for row in failed:
        assert not row["has_usage"]
        assert not any(row[name] for name in (*TOKENS, "search_units"))


def test_calls_that_did_not_fail_are_counted(rows: list[dict]) -> None:
    for row in rows:
        if row["is_error"]:
            continue
        if row["operation_name"] == "rerank":
            assert row["search_units"] == 1
            assert not any(row[name] for name in TOKENS)
        else:
            assert row["search_units"] == 0
            assert sum(row[name] for name in TOKENS[:3]) > 0
            assert (row["output_tokens"] > 0) == (row["operation_name"] == "chat")


def test_usage_is_missing_only_where_the_statistics_are(rows: list[dict]) -> None:
    gaps = Counter(row["feature_id"] for row in rows if not row["has_usage"] and not row["is_error"])
    triage = sum(row["feature_id"] == "ticket_triage" for row in rows)
    assert set(gaps) == {"ticket_triage"}
    assert 0.13 <= gaps["ticket_triage"] / triage <= 0.17


def test_prompts_fit_the_models_context(rows: list[dict]) -> None:
    assert max(sum(row[name] for name in TOKENS[:3]) for row in rows) < 200_000


def test_only_document_summarization_uses_the_prompt_cache_in_whole_blocks(rows: list[dict]) -> None:
    for row in rows:
        cached = row["cache_read_input_tokens"], row["cache_write_5m_input_tokens"]
        if row["feature_id"] == "document_summarization":
            assert all(tokens % 512 == 0 for tokens in cached)
        else:
            assert cached == (0, 0)


def test_invoices_have_more_than_four_output_tokens_to_five_of_input(rows: list[dict]) -> None:
    invoices = [row for row in rows if row["feature_id"] == "invoice_extraction"]
    assert sum(row["output_tokens"] for row in invoices) / sum(row["uncached_input_tokens"] for row in invoices) > 0.8


def test_some_spans_are_late_or_double(rows: list[dict]) -> None:
    instrumented = [row for row in rows if row["is_instrumented"]]
    late = [row for row in instrumented if row["landing_delay_s"] > 0]
    next_day = [
        row
        for row in late
        if (row["started_at"] + timedelta(seconds=row["landing_delay_s"])).date() > row["started_at"].date()
    ]
    assert 0.007 <= len(late) / len(instrumented) <= 0.013
    assert max(row["landing_delay_s"] for row in late) <= 30 * 3600
    assert len(next_day) > 100
    assert 0.003 <= sum(row["delivery_count"] == 2 for row in instrumented) / len(instrumented) <= 0.007
    assert {row["delivery_count"] for row in rows} == {1, 2}
    assert all((row["landing_delay_s"], row["delivery_count"]) == (0, 1) for row in rows if not row["is_instrumented"])


def test_batch_runs_at_night(rows: list[dict]) -> None:
    hours = [row["started_at"].hour for row in rows if row["feature_id"] == "batch_summarization"]
    assert sum(hour < 6 for hour in hours) / len(hours) > 0.9


def test_shadow_compares_two_task_types_over_both_weeks(sample: Sample) -> None:
    rows = sample.shadow.to_pylist()
    models = {
        (row["task_type"], row["baseline_model"], row["candidate_model"]): row["subject"].split("_")[0] for row in rows
    }
    sonnet = "us.anthropic.claude-sonnet-4-20250514-v1:0"
    assert models == {
        ("summarization", sonnet, "us.anthropic.claude-3-5-haiku-20241022-v1:0"): "high",
        ("extraction", sonnet, "amazon.nova-lite-v1:0"): "professional",
    }
    assert len(rows) == 600
    assert all(FIRST <= row["started_at"] < END for row in rows)
    assert len({row["started_at"].date() for row in rows}) == 14


def test_shift_moves_calls_and_comparisons_and_nothing_else(sample: Sample) -> None:
    moved = load_sample(shift_days=364)
    assert (moved.first_day, moved.last_day) == (date(2026, 6, 1), date(2026, 6, 14))
    for name in ("calls", "shadow"):
        before, after = getattr(sample, name), getattr(moved, name)
        assert pc.unique(pc.subtract(after["started_at"], before["started_at"])).to_pylist() == [timedelta(days=364)]
        assert after.schema.equals(SCHEMAS[name])
        assert after.drop_columns("started_at").equals(before.drop_columns("started_at"))
    assert moved.queries.equals(sample.queries)
    assert moved.reranks.equals(sample.reranks)


def test_missing_file_is_named(copy: Path) -> None:
    (copy / "shadow.parquet").unlink()
    with pytest.raises(SampleError, match=r"shadow\.parquet is missing; get it again"):
        load_sample(copy)


def test_unreadable_file_is_named(copy: Path) -> None:
    (copy / "calls.parquet").write_bytes((copy / "calls.parquet").read_bytes()[:1000])
    with pytest.raises(SampleError, match=r"calls\.parquet cannot be read \(.*\); get it again"):
        load_sample(copy)


def test_lost_column_is_named(copy: Path) -> None:
    table = pq.read_table(copy / "queries.parquet").drop_columns("intent")
    pq.write_table(table, copy / "queries.parquet")
    with pytest.raises(SampleError, match=r"queries\.parquet has the wrong columns \(intent is missing\)"):
        load_sample(copy)


def test_column_of_another_type_is_named(copy: Path) -> None:
    table = pq.read_table(copy / "queries.parquet")
    table = table.set_column(0, "query_number", table["query_number"].cast(pa.string()))
    pq.write_table(table, copy / "queries.parquet")
    with pytest.raises(SampleError, match=r"query_number is string instead of int32"):
        load_sample(copy)


def test_column_too_many_is_left_out(copy: Path) -> None:
    table = pq.read_table(copy / "queries.parquet").append_column("note", pa.nulls(1).take(pa.array([0] * 6808)))
    pq.write_table(table, copy / "queries.parquet")
    assert load_sample(copy).queries.schema.equals(SCHEMAS["queries"])
