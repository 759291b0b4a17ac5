"""Real runs of rerankers through the metrics, held against a direct computation.

Each query of a run is a trace: a retrieval and a rerank with the run's orders, and an answer. What the answer cites is made
up: the documents that a judge finds relevant (2 or 3 of 3).
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.tiny_lake import SONNET, make_raw, run_dbt, span

RUNS = Path(__file__).parents[1] / "fixtures" / "rerank_runs" / "top_10.csv.gz"
RERANKER = "cohere.rerank-v3-5:0"
STARTED = "2025-06-02 10:00"
TOP_K = 5


def read_runs() -> dict[tuple[str, str], dict[str, list[str]]]:
    """Return the orders and the relevant documents by run and query."""
    rows = defaultdict(list)
    with gzip.open(RUNS, "rt", newline="") as file:
        for row in csv.DictReader(file):
            run = "/".join(row[name] for name in ("retriever", "reranker", "rerank_depth", "run_stamp"))
            rows[run, row["qid"]].append(row)
    return {
        key: {
            "before": in_order(documents, "rank_before"),
            "after": in_order(documents, "rank_after"),
            "relevant": sorted(each["docid"] for each in documents if int(each["relevance"] or 0) >= 2),
        }
        for key, documents in rows.items()
    }


def in_order(documents: list[dict[str, str]], rank: str) -> list[str]:
    ranked = sorted((int(each[rank]), each["docid"]) for each in documents)
    return [document for place, document in ranked if place <= 10]


def spans_of(run: str, query: str, orders: dict[str, list[str]]) -> list[dict]:
    """Return the trace of one query."""
    shared = {"trace_id": f"{run}/{query}", "feature_id": run}
    lists = {name: [{"id": document} for document in orders[name]] for name in ("before", "after")}
    reranked = {"input_documents": lists["before"], "output_documents": lists["after"]}
    details = {
        "retrieval": {"documents": lists["before"]},
        "rerank": reranked,
        "chat": {"cited_document_ids": orders["relevant"]},
    }
    return [
        span(
            f"{operation}/{run}/{query}",
            STARTED,
            RERANKER if operation == "rerank" else SONNET,
            operation_name=operation,
            details_json=json.dumps(details[operation]),
            **shared,
        )
        for operation in details
    ]


@pytest.fixture(scope="module")
def runs():
    return read_runs()


@pytest.fixture(scope="module")
def measured(runs, tmp_path_factory):
    """Numerator and denominator by feature and metric."""
    path = tmp_path_factory.mktemp("rerank_runs") / "warehouse.duckdb"
    make_raw(path, spans=[each for (run, query), orders in runs.items() for each in spans_of(run, query, orders)])
    built = run_dbt(
        path,
        "build",
        "--select=+int_rerankers_measured +int_retrieval_hits_measured",
        "--exclude-resource-type=test",
        "--exclude-resource-type=unit_test",
        as_of_date="2025-06-03",
    )
    assert built.returncode == 0, built.stdout[-4000:]
    with duckdb.connect(str(path), read_only=True) as warehouse:
        rows = warehouse.execute(
            """select feature_id, metric_name, numerator, denominator from intermediate.int_rerankers_measured
            union all
            select feature_id, metric_name, numerator, denominator from intermediate.int_retrieval_hits_measured"""
        ).fetchall()
    return {(feature, metric): (numerator, denominator) for feature, metric, numerator, denominator in rows}


def by_run(runs, count):
    """Add up a pair of counts over the queries of each run, and of all of them."""
    sums = defaultdict(lambda: [0, 0])
    for (run, _), orders in runs.items():
        counted, of = count(orders)
        for name in (run, "total"):
            sums[name][0] += counted
            sums[name][1] += of
    return {name: tuple(pair) for name, pair in sums.items()}


def found(measured, metric):
    return {feature: pair for (feature, name), pair in measured.items() if name == metric}


def test_the_runs_are_all_there(runs):
    assert len({run for run, _ in runs}) == 19
    assert len(runs) == 19 * 43
    assert all(len(orders["before"]) == len(orders["after"]) == 10 for orders in runs.values())


def test_change_is_that_of_the_first_five_places(runs, measured):
    expected = by_run(runs, lambda orders: (orders["before"][:TOP_K] != orders["after"][:TOP_K], 1))
    assert found(measured, "reranker_change_ratio") == expected


@pytest.mark.parametrize("moment", ["before", "after"])
def test_hits_are_over_the_queries_with_a_relevant_document(runs, measured, moment):
    def hit(orders):
        is_judged = bool(orders["relevant"])
        return bool(set(orders[moment][:TOP_K]) & set(orders["relevant"])), is_judged

    expected = by_run(runs, hit)
    assert found(measured, f"reranker_hit_{moment}_ratio") == expected
    assert 0 < expected["total"][0] < expected["total"][1] < len(runs)


def test_a_reranker_that_changes_most_orders_may_still_harm(measured):
    metrics = ("reranker_change_ratio", "reranker_hit_before_ratio", "reranker_hit_after_ratio")
    harmful = "SPLADE_P_P_ENSEMBLE_DISTIL/output_v2_aug_vicuna_7b/20/2023-09-13 16:39:26"
    assert [measured[harmful, metric] for metric in metrics] == [(39, 43), (43, 43), (41, 43)]
    useful = "BM25/vicuna-7b-checkpoint-800/20/2023-09-10 15:58:23"
    assert [measured[useful, metric] for metric in metrics] == [(35, 43), (37, 42), (42, 42)]


def test_retrieved_documents_count_as_used_where_they_are_relevant(runs, measured):
    def used(orders):
        return len(set(orders["before"]) & set(orders["relevant"])), 10

    assert found(measured, "retrieval_hit_document_ratio") == by_run(runs, used)
    expected = by_run(runs, lambda orders: (used(orders)[0] > 0, 1))
    assert found(measured, "retrieval_hit_query_ratio") == expected
