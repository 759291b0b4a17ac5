"""The builder on a tiny raw folder written here: layout and columns of the real one, numbers small enough to check."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ai_finops.demo import sample_plan
from ai_finops.demo.build_sample import build_sample, compose, keep_used_queries, main
from ai_finops.demo.sample_arrivals import WINDOW_MS, share_out, spread
from ai_finops.demo.sample_plan import FEATURES
from ai_finops.demo.sample_reranks import read_reranks
from ai_finops.demo.sample_schemas import SCHEMAS
from ai_finops.demo.sample_shadow import COMPARISONS
from ai_finops.demo.sample_tokens import cached_blocks
from ai_finops.errors import SampleError

WINDOWS = 2016
END = datetime(2025, 6, 16, tzinfo=UTC)
CLIENTS = sorted({(client.tier, client.number) for feature in FEATURES for client in feature.clients})
SMALL = tuple(replace(feature, calls_per_day=20) for feature in FEATURES)
STATS = {("m-small", 31): (400, 30), ("m-large", 128): (1000, 900)}
RERANK_COLUMNS = (
    "dataset,retriever,reranker,rerank_depth,run_stamp,qid,docid,rank_before,score_before,rank_after,relevance"
)
MMLU_COLUMNS = "prompt,mistralai/Mixtral-8x7B-Instruct-v0.1,gpt-4-1106-preview"


def write_csv(path: Path, header: str, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def write_rates(source: Path, *, rates: dict[tuple[str, int], list[float]] | None = None) -> None:
    """One request a second for every client of the plan, unless `rates` says otherwise."""
    rows = {"model_tier": [], "client": [], "window_start_s": [], "rate_rps": [], "fit_dist": [], "fit_p1": []}
    for tier, number in CLIENTS:
        rows["model_tier"] += [tier] * WINDOWS
        rows["client"] += [number] * WINDOWS
        rows["window_start_s"] += [600 * window for window in range(WINDOWS)]
        rows["rate_rps"] += (rates or {}).get((tier, number), [1.0] * WINDOWS)
        rows["fit_dist"] += ["Gamma", "Weibull", None, "Gamma"] * (WINDOWS // 4)
        rows["fit_p1"] += [0.5, 0.7, 0.0, 0.001] * (WINDOWS // 4)
    (source / "servegen").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), source / "servegen/requests_10min.parquet")


def write_token_stats(source: Path) -> None:
    """p50 = p95, so every draw is the p50 exactly; the max caps the input of the trace's first window at 123."""
    rows = []
    for (tier, number), (inputs, outputs) in STATS.items():
        for window in range(56):
            largest = 123 if window == 0 else 99_999
            rows.append(("language", tier, number, window * 21600, "input_tokens", 9, 1, inputs, inputs, largest))
            rows.append(("language", tier, number, window * 21600, "output_tokens", 9, 1, outputs, outputs, 99_999))
    header = "category,model_tier,client,window_start_s,metric,n_support,mean,p50,p95,max"
    write_csv(source / "servegen/token_stats_6h.csv", header, rows)


def write_source(folder: Path) -> Path:
    write_rates(folder)
    write_token_stats(folder)
    azure = [(f"2023-11-16 18:15:{second:02}.1234560", 100 + second, 10 + second) for second in range(60)]
    write_csv(folder / "azure_llm/AzureLLMInferenceTrace_conv.csv", "TIMESTAMP,ContextTokens,GeneratedTokens", azure)
    (folder / "mooncake").mkdir()
    trace = [(1100, 7, [1, 2, 3]), (1100, 8, [1, 2, 3]), (1536, 9, [1, 4, 5])]
    lines = [json.dumps({"timestamp": 0, "input_length": i, "output_length": o, "hash_ids": h}) for i, o, h in trace]
    (folder / "mooncake/conversation_trace.jsonl").write_text("\n".join(lines))
    write_csv(
        folder / "banking77/train.csv", "text,category", [("Where is my card?", "card_arrival"), ("Hm?", "other")]
    )
    run = ("dl19", "BM25", "rank_zephyr", 100, "2023-08-05T00:42:44", 7)
    write_csv(
        folder / "rerank/rerank_pairs_dl19.csv",
        RERANK_COLUMNS,
        [(*run, 30, 47, 1.5, 3, 3.0), (*run, 20, 11, 4.5, 12, 1.0), (*run, 10, 1, 9.25, 25, "")],
    )
    for subject in {subject for comparison in COMPARISONS for subject in comparison.subjects}:
        answers = [(f"{subject}, line one\nline two", False, True), (f"{subject}?", True, True)]
        write_csv(folder / f"routellm_mmlu/mmlu_{subject}.csv", MMLU_COLUMNS, answers)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "raw")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return compose(write_source(tmp_path_factory.mktemp("raw")), features=SMALL)["calls"]


def of_feature(calls: pa.Table, feature_id: str) -> pa.Table:
    return calls.filter((pc.field("feature_id") == feature_id) & ~pc.field("is_error"))


def test_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first = build_sample(source, out=tmp_path / "first", features=SMALL)
    build_sample(source, out=tmp_path / "second", features=SMALL)
    for name in SCHEMAS:
        assert (tmp_path / f"first/{name}.parquet").read_bytes() == (tmp_path / f"second/{name}.parquet").read_bytes()
    assert sorted(first) == sorted(SCHEMAS)
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(f"{name}.parquet" for name in SCHEMAS)


def test_tables_have_their_schemas(source: Path) -> None:
    for name, table in compose(source, features=SMALL).items():
        assert table.schema.equals(SCHEMAS[name]), name


def test_every_feature_has_the_calls_it_was_asked_for(calls: pa.Table) -> None:
    counted = calls.group_by(["feature_id", "operation_name"]).aggregate([([], "count_all")])
    counts = {(row["feature_id"], row["operation_name"]): row["count_all"] for row in counted.to_pylist()}
    # 20 a day: 14 days, or 7 for the caller that starts in the second week; triage is 17 + 3 a day of two clients.
    assert counts == {
        ("document_summarization", "chat"): 280,
        ("batch_summarization", "chat"): 140,
        ("support_chat", "chat"): 280,
        ("support_chat", "embeddings"): 280,
        ("support_chat", "rerank"): 280,
        ("ticket_triage", "chat"): 280,
        ("invoice_extraction", "chat"): 280,
        ("onboarding_assistant", "chat"): 280,
        ("contract_review", "chat"): 280,
    }


def test_last_day_of_the_trace_becomes_the_first_monday(source: Path) -> None:
    only_last_day = [0.0] * (13 * 144) + [1.0] * 144
    write_rates(source, rates={("m-large", 128): only_last_day})
    calls = of_feature(compose(source, features=SMALL)["calls"], "invoice_extraction")
    assert {moment.date() for moment in calls["started_at"].to_pylist()} == {date(2025, 6, 2)}


def test_first_day_of_the_trace_becomes_the_first_tuesday(source: Path) -> None:
    write_rates(source, rates={("m-large", 128): [1.0] * 144 + [0.0] * (13 * 144)})
    calls = of_feature(compose(source, features=SMALL)["calls"], "invoice_extraction")
    assert {moment.date() for moment in calls["started_at"].to_pylist()} == {date(2025, 6, 3)}


@pytest.mark.parametrize(
    ("weights", "total", "start", "counts"),
    [
        ([1.0, 2.0, 1.0], 4, 0.0, [1, 2, 1]),
        ([1.0, 1.0], 1, 0.0, [0, 1]),  # running 0.5, 1
        ([1.0, 1.0], 1, 0.5, [1, 0]),  # running 1.0, 1.5
        ([1.0, 1.0, 1.0], 2, 0.4, [1, 0, 1]),  # running 1.07, 1.73, 2.4
        ([0.0, 5.0], 3, 0.9, [0, 3]),
    ],
)
def test_counts_follow_the_weights_and_add_up(
    weights: list[float], total: int, start: float, counts: list[int]
) -> None:
    assert share_out(np.array(weights), total=total, start=start).tolist() == counts


def spread_one(shape: float, kind: str | None, *, count: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(1)
    return spread(np.array([count]), shape=np.array([shape]), kind=np.array([kind], dtype=object), rng=rng)


def test_calls_stay_in_their_window_in_order() -> None:
    counts = np.array([3, 0, 50])
    kinds = np.array(["Gamma", "Weibull", "Weibull"], dtype=object)
    at_ms = spread(counts, shape=np.array([0.1, 0.4, 0.4]), kind=kinds, rng=np.random.default_rng(1))
    assert (at_ms // WINDOW_MS).tolist() == [0] * 3 + [2] * 50
    assert (np.diff(at_ms) >= 0).all()


@pytest.mark.parametrize("kind", ["Gamma", "Weibull"])
def test_intervals_are_as_bursty_as_the_fit(kind: str) -> None:
    intervals = np.diff(spread_one(0.3, kind))
    uniform = np.diff(spread_one(1.0, None))
    # The coefficient of variation is 1 / sqrt(0.3) = 1.83 for Gamma, 5.4 for Weibull, 1 for uniform arrivals.
    assert uniform.std() / uniform.mean() == pytest.approx(1.0, abs=0.1)
    assert intervals.std() / intervals.mean() > 1.5


def test_too_small_a_shape_falls_back_to_uniform() -> None:
    uniform = spread_one(1.0, None).tolist()
    assert spread_one(0.049, "Gamma").tolist() == uniform
    assert spread_one(float("nan"), "Weibull").tolist() == uniform
    assert spread_one(0.05, "Gamma").tolist() != uniform


def test_cached_blocks_are_the_leading_ones_seen_before() -> None:
    # 3 comes before 9 in the last request, but 9 is new to it only; 5 follows a new block and does not count.
    assert cached_blocks([[1, 2, 3], [1, 2, 4], [1, 5], [8, 5], [1, 2, 3]]).tolist() == [0, 2, 1, 0, 3]


def test_summaries_read_and_write_the_prompt_cache_by_block(calls: pa.Table) -> None:
    summaries = of_feature(calls, "document_summarization").sort_by("started_at")
    classes = {
        tuple(row.values())
        for row in summaries.select(
            ["uncached_input_tokens", "cache_read_input_tokens", "cache_write_5m_input_tokens", "output_tokens"]
        ).to_pylist()
    }
    # 1100 tokens are 2 full blocks and 76 over; the second request knows all three of its blocks, of which 2 are full;
    # the third has 3 full blocks and knows the first.
    assert classes == {(76, 0, 1024, 7), (76, 1024, 0, 8), (0, 512, 1024, 9)}


def test_batch_and_contracts_are_not_cached(calls: pa.Table) -> None:
    for feature_id in ("batch_summarization", "contract_review"):
        rows = of_feature(calls, feature_id)
        assert set(rows["uncached_input_tokens"].to_pylist()) == {1100, 1536}
        assert (
            pc.sum(rows["cache_read_input_tokens"]).as_py() == pc.sum(rows["cache_write_5m_input_tokens"]).as_py() == 0
        )


def test_tokens_come_from_the_window_of_the_client_and_stop_at_its_max(calls: pa.Table) -> None:
    rows = of_feature(calls, "invoice_extraction").to_pylist()
    # The trace's first six hours, capped at 123, are the sample's Tuesday from 0 to 6 o'clock.
    for row in rows:
        at = row["started_at"]
        capped = at.date() == date(2025, 6, 3) and at.hour < 6
        assert row["uncached_input_tokens"] == (123 if capped else 1000)
        assert row["output_tokens"] == 900
    assert any(row["uncached_input_tokens"] == 123 for row in rows)


def test_client_without_statistics_has_no_usage_but_is_counted(calls: pa.Table) -> None:
    triage = of_feature(calls, "ticket_triage")
    silent = triage.filter(~pc.field("has_usage"))
    # 3 of 20 calls a day over 14 days, less the few that failed and were left out above.
    assert 38 <= silent.num_rows <= 42
    assert set(silent["uncached_input_tokens"].to_pylist()) <= {400, 123}
    assert set(silent["output_tokens"].to_pylist()) == {30}
    assert set(of_feature(calls, "invoice_extraction")["has_usage"].to_pylist()) == {True}


def test_embedding_and_rerank_come_before_their_chat(calls: pa.Table) -> None:
    rows = {row["call_number"]: row for row in calls.to_pylist()}
    children = [row for row in rows.values() if row["parent_call_number"] is not None]
    assert len(children) == 2 * 280
    for child in children:
        chat = rows[child["parent_call_number"]]
        assert (chat["feature_id"], chat["operation_name"]) == ("support_chat", "chat")
        assert child["started_at"] < chat["started_at"]
        for name in ("user_number", "journey_number", "query_number"):
            assert child[name] == chat[name]


def test_embedding_counts_a_token_per_four_characters(calls: pa.Table) -> None:
    embeddings = calls.filter((pc.field("operation_name") == "embeddings") & ~pc.field("is_error"))
    # "Where is my card?" has 17 characters, "Hm?" has 3.
    assert set(embeddings["uncached_input_tokens"].to_pylist()) == {5, 1}


def test_calls_are_numbered_in_order_of_time(calls: pa.Table) -> None:
    assert calls["call_number"].to_pylist() == list(range(1, 2 * 280 + 7 * 280 - 140 + 1))
    assert calls["started_at"].to_pylist() == sorted(calls["started_at"].to_pylist())


def test_calls_at_the_very_end_are_over_at_midnight(source: Path) -> None:
    # Invoices take some 13 seconds; all of them arrive in the last ten minutes of the sample's last day.
    last_window = 12 * 144 + 143
    write_rates(source, rates={("m-large", 128): [float(window == last_window) for window in range(WINDOWS)]})
    invoices = of_feature(compose(source, features=SMALL)["calls"], "invoice_extraction").to_pylist()
    ends = [row["started_at"] + timedelta(milliseconds=row["duration_ms"]) for row in invoices]
    assert END - timedelta(seconds=2) < max(ends) < END
    assert min(row["started_at"] for row in invoices) > END - timedelta(minutes=11)


def test_failed_calls_count_nothing_and_carry_no_usage(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_plan, "ERROR_RATIO", 1.0)
    calls = compose(source, features=SMALL)["calls"]
    assert set(calls["is_error"].to_pylist()) == {True}
    assert set(calls["has_usage"].to_pylist()) == {False}
    for name in ("uncached_input_tokens", "cache_read_input_tokens", "cache_write_5m_input_tokens", "output_tokens"):
        assert pc.sum(calls[name]).as_py() == 0, name
    assert pc.sum(calls["search_units"]).as_py() == 0


def test_spans_that_exist_can_be_late_and_double_but_not_after_the_last_day(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_plan, "LATE_RATIO", 1.0)
    monkeypatch.setattr(sample_plan, "DUPLICATE_RATIO", 1.0)
    for row in compose(source, features=SMALL)["calls"].to_pylist():
        ended_at = row["started_at"] + timedelta(milliseconds=row["duration_ms"])
        assert row["delivery_count"] == (2 if row["is_instrumented"] else 1)
        if not row["is_instrumented"]:
            assert row["landing_delay_s"] == 0
        elif row["landing_delay_s"] == 0:
            assert ended_at + timedelta(hours=30) > END  # only a call this close to the end is on time
        else:
            assert 600 <= row["landing_delay_s"] <= 30 * 3600
            assert ended_at + timedelta(seconds=row["landing_delay_s"]) < END


def test_only_queries_that_are_asked_are_kept_and_numbered_from_one() -> None:
    calls = pa.table({"query_number": pa.array([4, None, 1, 4], pa.int32())})
    pool = pa.table({"text": ["a", "b", "c", "d", "e"], "intent": ["i", "j", "k", "l", "m"]})
    renumbered, queries = keep_used_queries(calls, pool=pool)
    assert renumbered["query_number"].to_pylist() == [2, None, 1, 2]
    assert queries.to_pydict() == {"query_number": [1, 2], "text": ["b", "e"], "intent": ["j", "m"]}


def test_reranks_keep_the_top_ten_of_either_order(source: Path) -> None:
    assert read_reranks(source).to_pylist() == [
        {
            "rerank_number": 1,
            "docid": ["10", "30"],  # 20 was eleventh before and twelfth after
            "rank_before": [1, 47],
            "rank_after": [25, 3],
            "score_before": [9.25, 1.5],
            "relevance": [None, 3],
        }
    ]


def test_shadow_asks_each_question_once_when_a_call_of_its_kind_ends(source: Path) -> None:
    tables = compose(source, features=SMALL)
    shadow = tables["shadow"].to_pylist()
    # Two questions in each of 3 + 2 subjects; the cheap model is right in one of two.
    assert len(shadow) == 10
    assert sum(row["is_baseline_correct"] for row in shadow) == 10
    assert sum(row["is_candidate_correct"] for row in shadow) == 5
    calls = tables["calls"]
    ends = pc.add(calls["started_at"], pc.multiply(calls["duration_ms"].cast(pa.int64()), 1000).cast(pa.duration("us")))
    ended = set(zip(calls["task_type"].to_pylist(), ends.to_pylist(), strict=True))
    assert all((row["task_type"], row["started_at"]) in ended for row in shadow)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="nowhere is not a folder; --source"):
        build_sample(tmp_path / "nowhere", out=tmp_path / "out")


@pytest.mark.parametrize(
    "path",
    [
        "servegen/requests_10min.parquet",
        "servegen/token_stats_6h.csv",
        "azure_llm/AzureLLMInferenceTrace_conv.csv",
        "mooncake/conversation_trace.jsonl",
        "banking77/train.csv",
        "rerank/rerank_pairs_dl19.csv",
        "routellm_mmlu/mmlu_professional_medicine.csv",
    ],
)
def test_missing_file_is_named_and_nothing_is_written(source: Path, tmp_path: Path, path: str) -> None:
    (source / path).unlink()
    with pytest.raises(SampleError, match=f"{path} is missing; --source must name the folder"):
        build_sample(source, out=tmp_path / "out", features=SMALL)
    assert not (tmp_path / "out").exists()


def test_lacking_column_is_named(source: Path, tmp_path: Path) -> None:
    write_csv(source / "banking77/train.csv", "question,category", [("Where is my card?", "card_arrival")])
    with pytest.raises(SampleError, match=r"train\.csv cannot be read as the sample's source .*text"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_garbage_is_named(source: Path, tmp_path: Path) -> None:
    (source / "servegen/requests_10min.parquet").write_bytes(b"no parquet")
    with pytest.raises(SampleError, match=r"requests_10min\.parquet cannot be read"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_empty_file_is_named(source: Path, tmp_path: Path) -> None:
    write_csv(source / "azure_llm/AzureLLMInferenceTrace_conv.csv", "TIMESTAMP,ContextTokens,GeneratedTokens", [])
    with pytest.raises(SampleError, match=r"AzureLLMInferenceTrace_conv\.csv holds no row"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_client_with_missing_windows_is_named(source: Path, tmp_path: Path) -> None:
    table = pq.read_table(source / "servegen/requests_10min.parquet")
    pq.write_table(table.slice(1), source / "servegen/requests_10min.parquet")
    with pytest.raises(SampleError, match=r"2015 windows of client m-large/48 instead of 2016"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_silent_client_is_an_error(source: Path, tmp_path: Path) -> None:
    # Active in the first week only, while the caller that borrows its arrivals starts in the second.
    write_rates(source, rates={("m-large", 149): [1.0] * (6 * 144) + [0.0] * (7 * 144) + [1.0] * 144})
    with pytest.raises(SampleError, match="no request on the active days"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_feature_without_any_statistics_is_an_error(source: Path, tmp_path: Path) -> None:
    stats = source / "servegen/token_stats_6h.csv"
    stats.write_text("".join(line for line in stats.open() if ",128," not in line))
    with pytest.raises(SampleError, match="no statistics of client m-large/128"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_unwritable_target_is_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(SampleError, match=r"out cannot be written .* --out"):
        build_sample(source, out=tmp_path / "out", features=SMALL)


def test_command_says_one_sentence_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "--source must name the folder" in captured.err


def test_command_prints_rows_and_sizes(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["--source", str(source), "--out", str(out)]) == 0
    size = (out / "reranks.parquet").stat().st_size
    assert f"reranks.parquet: 1 rows, {size:,} bytes" in capsys.readouterr().out
