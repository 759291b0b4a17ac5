"""Real runs of rerankers through the metrics, held against a direct computation.

Each query of a run is a trace: a retrieval and a rerank with the run's orders, and an answer. What the answer cites is made
up: the documents that a judge finds relevant (2 or 3 of 3).
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import Counter, defaultdict
from decimal import Decimal
from math import comb
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.tiny_lake import PROJECT, SONNET, make_raw, put_seed, run_dbt, span

RUNS = Path(__file__).parents[1] / "fixtures" / "rerank_runs" / "top_10.csv.gz"
RERANKER = "cohere.rerank-v3-5:0"
STARTED = "2025-06-02 10:00"
TOP_K = 5
THRESHOLDS = """
    metric_name varchar, dimension varchar, healthy_bound double, warning_bound double, smallest_sample_count bigint,
    largest_unknown_ratio double, action varchar, owner varchar, scope varchar, healthy_lower_bound double,
    trend_week_count bigint, is_improving_healthy boolean, is_least_value boolean
"""


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
            # Ten documents are one search unit, $0.002.
            has_usage=operation == "rerank",
            details_json=json.dumps(details[operation]),
            **shared,
        )
        for operation in details
    ]


@pytest.fixture(scope="module")
def runs():
    return read_runs()


@pytest.fixture(scope="module")
def warehouse(runs, tmp_path_factory):
    """Path of a warehouse with the runs; a run has 43 queries, so that 40 have to be samples enough."""
    path = tmp_path_factory.mktemp("rerank_runs") / "warehouse.duckdb"
    with (PROJECT / "seeds" / "metric_thresholds.csv").open(newline="") as file:
        thresholds = [row | {"smallest_sample_count": "40"} for row in csv.DictReader(file)]
    thresholds += [row | {"dimension": "top_k=1"} for row in thresholds if row["dimension"] == "top_k=5"]
    put_seed(path, "metric_thresholds", THRESHOLDS, [[each or None for each in row.values()] for row in thresholds])
    make_raw(path, spans=[each for (run, query), orders in runs.items() for each in spans_of(run, query, orders)])
    built = run_dbt(
        path,
        "build",
        "--select=+int_rerankers_measured +int_retrieval_hits_measured +rpt_weekly_rerankers",
        "--exclude=metric_thresholds",
        "--exclude-resource-type=test",
        "--exclude-resource-type=unit_test",
        as_of_date="2025-06-03",
    )
    assert built.returncode == 0, built.stdout[-4000:]
    return path


@pytest.fixture(scope="module")
def measured(warehouse):
    """Numerator and denominator by feature and metric."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
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


def verdict_of(orders: list[dict[str, list[str]]], *, top_k: int = TOP_K, moments=("before", "after")) -> str:
    """Decide from the orders alone, by the exact sign test, one-sided at 5 %."""
    tops = [[each[moment][:top_k] for moment in moments] for each in orders]
    hits = [
        tuple(bool(set(top) & set(each["relevant"])) for top in both)
        for each, both in zip(orders, tops, strict=True)
        if each["relevant"]
    ]
    gained, lost = hits.count((False, True)), hits.count((True, False))
    changed = sum(before != after for before, after in tops)
    if is_beyond_chance(lost, gained):
        return "harmful"
    if 5 * changed < len(orders):
        return "redundant"
    return "useful" if is_beyond_chance(gained, lost) else "unproven"


def is_beyond_chance(many: int, few: int) -> bool:
    """Whether so many of `many + few` coins, or more, fall on one side less than once in twenty."""
    count = many + few
    return 20 * sum(comb(count, each) for each in range(many, count + 1)) < 2**count


def verdicts(warehouse) -> dict[str, tuple]:
    """Return verdict, reason and money by run."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            """select feature_id, verdict, reason, changed_count, allocated_cost_usd, cost_usd_per_changed_rerank
            from marts.rpt_weekly_rerankers"""
        ).fetchall()
    return {feature: rest for feature, *rest in rows}


def test_verdicts_are_those_of_the_exact_test(runs, warehouse):
    found = {run: verdict for run, (verdict, *_) in verdicts(warehouse).items()}
    assert found == {run: verdict_of(orders) for run, orders in orders_by_run(runs).items()}
    assert counted(found) == {"useful": 2, "unproven": 17}


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        (("before", "after"), {"useful": 10, "unproven": 7, "redundant": 2}),
        # The rerankers' orders made what they had made of them.
        (("after", "before"), {"harmful": 10, "unproven": 7, "redundant": 2}),
    ],
)
def test_verdicts_on_the_first_place_alone_and_the_other_way_round(runs, warehouse, tmp_path, moments, expected):
    path = shutil.copy(warehouse, tmp_path / "warehouse.duckdb")
    if moments == ("after", "before"):
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                """update intermediate.int_span_documents_unnested set document_list = case document_list
                when 'reranked_before' then 'reranked_after' when 'reranked_after' then 'reranked_before'
                else document_list end"""
            )
    built = run_dbt(
        path,
        "run",
        "--select=int_reranks_compared int_weekly_rerankers_summed rpt_weekly_rerankers",
        as_of_date="2025-06-03",
        reranker_top_k=1,
    )
    assert built.returncode == 0, built.stdout[-4000:]
    found = {run: verdict for run, (verdict, *_) in verdicts(path).items()}
    assert found == {run: verdict_of(orders, top_k=1, moments=moments) for run, orders in orders_by_run(runs).items()}
    assert counted(found) == expected


def orders_by_run(runs) -> dict[str, list[dict[str, list[str]]]]:
    by_run = defaultdict(list)
    for (run, _), orders in runs.items():
        by_run[run].append(orders)
        by_run["total"].append(orders)
    return by_run


def counted(found: dict[str, str]) -> dict[str, int]:
    return Counter(verdict for run, verdict in found.items() if run != "total")


def test_normal_sign_test_is_the_exact_one_almost_everywhere():
    """The mart's test, as it is written there, against the exact one for up to 200 hits that moved: 3 of 10,201 differ."""

    def is_normal(many, few):
        return many - few > 1 and (many - few - 1) ** 2 > 1.645**2 * (many + few)

    pairs = [(many, few) for few in range(101) for many in range(few, 201 - few)]
    others = [pair for pair in pairs if is_normal(*pair) != is_beyond_chance(*pair)]
    assert others == [(20, 10), (24, 13), (101, 78)]


def test_money_of_the_runs(runs, warehouse):
    # 43 queries at $0.002; each for what it changed.
    _, _, changed, usd, usd_per_change = verdicts(warehouse)["BM25/vicuna-7b-checkpoint-800/20/2023-09-10 15:58:23"]
    assert (changed, usd, usd_per_change) == (35, Decimal("0.086"), Decimal("0.002457"))
    assert verdicts(warehouse)["total"][3] == Decimal("0.086") * 19


def test_retrieved_documents_count_as_used_where_they_are_relevant(runs, measured):
    def used(orders):
        return len(set(orders["before"]) & set(orders["relevant"])), 10

    assert found(measured, "retrieval_hit_document_ratio") == by_run(runs, used)
    expected = by_run(runs, lambda orders: (used(orders)[0] > 0, 1))
    assert found(measured, "retrieval_hit_query_ratio") == expected
