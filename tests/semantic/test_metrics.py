"""Each metric and saved query of the semantic layer, asked of published marts; the expected numbers are worked by hand."""

from __future__ import annotations

import json

import pytest

from tests.semantic.conftest import PROJECT, ask

_DAY = "metric_time__day"
_WEEK = "metric_time__week"

# Nine days of $2.75: chat $2.00 by two calls, search $0.50 by one, $0.25 unattributed. Calls of the 10th: s1 says no usage and
# s3 (search) has no cost, so 25 of the 27 have one: 17 of chat and 8 of search, 17 times $1 and 8 times $0.50 are $21.
OVER_ALL = {
    "allocated_cost_usd": 24.75,
    "unattributed_cost_usd": 2.25,
    "not_billed_cost_usd": 2,
    "other_charges_cost_usd": 5,
    "estimated_cost_usd": 24.75,
    "unknown_cost_call_count": 2,
    "feature_cost_usd": 24.75,
    "billed_cost_usd": 29.75,
    "billed_usage_cost_usd": 24.75,
    "billed_attributed_cost_usd": 22.5,
    "billed_unattributed_cost_usd": 2.25,
    # Ten more of a cell without a trace.
    "billed_tokens": 9 * 165 + 10,
    # More is traced than billed on one day, and of that day only what is billed is covered. Of a cell whose bill counts no
    # tokens none are, however many are traced.
    "covered_tokens": 8 * 150 + 165,
    "service_billed_cost_usd": 24.75,
    "service_traced_cost_usd": 22.5,
    "missing_trace_cost_usd": 2.25,
    "monthly_billed_cost_usd": 24.75,
    "monthly_allocated_cost_usd": 24.75,
    "unattributed_cost_ratio": 2.25 / 24.75,
    "not_billed_cost_ratio": 2 / 24.75,
    "attributed_cost_ratio": 22.5 / 24.75,
    "covered_token_ratio": (8 * 150 + 165) / (9 * 165 + 10),
    "service_traced_cost_ratio": 22.5 / 24.75,
    "call_count": 27,
    "error_call_count": 1,
    "error_call_ratio": 1 / 27,
    "input_tokens": 26 * 1000,
    "uncached_input_tokens": 27 * 900,
    "cache_read_input_tokens": 27 * 100,
    "cache_write_input_tokens": 40,
    "output_tokens": 27 * 50,
    "reasoning_output_tokens": 7,
    "search_unit_count": 3,
    "user_count": 2,
    "call_cost_usd": 21,
    "known_cost_call_count": 25,
    "known_cost_tokens": 25 * 1050,
    # All of known cost but s2 of the 10th, which names no user.
    "named_user_cost_usd": 20,
    "cost_usd_per_call": 21 / 25,
    "cost_usd_per_1k_tokens": 21 / (25 * 1.05),
    "cost_usd_per_user": 20 / 2,
    "journey_cost_usd": 22.5,
    "known_cost_journey_count": 1,
    "cost_usd_per_journey": 22.5,
    # The ratio of the sums, 90 ÷ 400, and not the mean of 0.3, 0.1 and 0.25.
    "token_amplification_ratio": 90 / 400,
    "feature_token_amplification_ratio": 0.05,
    "cheap_call_ratio": 3 / 4,
    "feature_cheap_call_ratio": 3 / 4,
    "capable_call_ratio": 1 / 4,
    "feature_capable_call_ratio": 1 / 2,
    "capable_spend_ratio": 9 / 10,
    "feature_capable_spend_ratio": 4 / 5,
    "cited_document_ratio": 6 / 10,
    "feature_cited_document_ratio": 9 / 15,
    "estimated_hit_document_ratio": 2 / 8,
    "feature_estimated_hit_document_ratio": 2 / 8,
    "cited_query_ratio": 2 / 5,
    "feature_cited_query_ratio": 2 / 4,
    # The 80 of the day on which no numerator is known are on neither side.
    "reranker_change_ratio": 6 / 20,
    "feature_reranker_change_ratio": 4 / 5,
    "prompt_cache_read_ratio": 1 / 4,
    "feature_prompt_cache_read_ratio": 1 / 4,
    "exact_cache_hit_ratio": 3 / 10,
    "feature_exact_cache_hit_ratio": 2 / 8,
    "similar_cache_hit_ratio": 4 / 10,
    "feature_similar_cache_hit_ratio": 4 / 8,
    "similar_cache_right_hit_ratio": 3.5 / 10,
    "feature_similar_cache_right_hit_ratio": 3 / 8,
    "repeated_query_ratio": 1 / 20,
    "feature_repeated_query_ratio": 1 / 16,
    "retried_call_ratio": 1 / 50,
    "feature_retried_call_ratio": 1 / 40,
    "routing_escalation_ratio": 1 / 5,
    "feature_routing_escalation_ratio": 1 / 4,
    "weekly_cost_to_projection_ratio": 11 / 10,
    # `search` has no projection, so its 3 dollars are on neither side.
    "feature_cost_to_projection_ratio": 8 / 5,
    "weekly_cost_share_ratio": 6 / 10,
    "feature_cost_share_ratio": 6 / 10,
}
# By metric: how it is grouped, and its value at some of the days or weeks.
OVER_TIME = {
    "month_to_date_cost_usd": (_DAY, {"2025-06-02": 2.75, "2025-06-10": 24.75}),
    # Six days are not cut off by seven, and the eighth is.
    "trailing_7_days_cost_usd": (_DAY, {"2025-06-07": 16.5, "2025-06-08": 19.25, "2025-06-09": 19.25}),
    "trailing_28_days_cost_usd": (_DAY, {"2025-06-09": 22, "2025-06-10": 24.75}),
    # Seven days of $2.75 and then two.
    "week_over_week_cost_change_usd": (_WEEK, {"2025-06-02": None, "2025-06-09": 5.5 - 19.25}),
    "week_over_week_cost_change_ratio": (_WEEK, {"2025-06-02": None, "2025-06-09": (5.5 - 19.25) / 19.25}),
}
# Parts that stand below ratios; alone they add up what has no sum.
PARTS = {
    f"{scope}_{part}"
    for scope in ("total", "feature", "weekly_total", "weekly_feature")
    for part in ("numerator", "denominator")
}
SAVED = {
    "weekly_feature_review": {
        "metric_time__week": "2025-06-09",
        "feature": "chat",
        "allocated_cost_usd": 4,
        "week_over_week_cost_change_usd": -10,
        "call_count": 4,
        # Of the two calls of the 10th one says no usage.
        "cost_usd_per_call": 1,
    },
    "weekly_metric_review": {
        "metric_time__week": "2025-06-09",
        "token_amplification_ratio": 60 / 300,
        "cheap_call_ratio": 3 / 4,
        "capable_call_ratio": 1 / 4,
        "cited_document_ratio": 6 / 10,
        "reranker_change_ratio": 5 / 10,
        "prompt_cache_read_ratio": 1 / 4,
        "exact_cache_hit_ratio": 3 / 10,
        "weekly_cost_to_projection_ratio": 11 / 10,
        "weekly_cost_share_ratio": 6 / 10,
    },
    "monthly_finance": {
        "metric_time__month": "2025-06-01",
        "account": "111122223333",
        "feature": "search",
        "month__charge_category": "usage",
        "month__cost_status": "billed",
        "monthly_billed_cost_usd": 4.5,
        "monthly_allocated_cost_usd": 4.5,
    },
    "coverage_by_service": {
        "metric_time__month": "2025-06-01",
        "service": "unknown",
        "service_billed_cost_usd": 2.25,
        "missing_trace_cost_usd": 2.25,
        "service_traced_cost_ratio": 0,
    },
    "daily_reconciliation": {
        "metric_time__day": "2025-06-10",
        "billed_usage_cost_usd": 2.75,
        "billed_attributed_cost_usd": 2.5,
        "billed_unattributed_cost_usd": 0.25,
        "attributed_cost_ratio": 2.5 / 2.75,
        "covered_token_ratio": 150 / 165,
    },
    "daily_spend": {
        "metric_time__day": "2025-06-09",
        "allocated_cost_usd": 2.75,
        "month_to_date_cost_usd": 22,
        "trailing_7_days_cost_usd": 19.25,
        "trailing_28_days_cost_usd": 22,
    },
    "tokens_by_model": {
        "metric_time__week": "2025-06-02",
        "model": "m",
        "call_count": 21,
        "uncached_input_tokens": 21 * 900,
        "cache_read_input_tokens": 2100,
        "cache_write_input_tokens": 0,
        "output_tokens": 1050,
        # 14 times $1 and 7 times $0.50.
        "cost_usd_per_1k_tokens": 17.5 / (21 * 1.05),
    },
    "unit_costs": {
        "metric_time__month": "2025-06-01",
        "feature": "search",
        "cost_usd_per_call": 0.5,
        "cost_usd_per_1k_tokens": 0.5 / 1.05,
        # Eight of known cost, all of one user.
        "cost_usd_per_user": 4,
        "cost_usd_per_journey": None,
    },
}
_BY_SLICE = {"metric_names": ["token_amplification_ratio"], "group_by_names": [_WEEK, "metric_day__slice"]}
_BY_FEATURE = {"metric_names": ["feature_cheap_call_ratio"], "group_by_names": ["feature"]}


@pytest.fixture(scope="module")
def answers(published):
    """What MetricFlow says to every question of this module, by metric, saved query or name."""
    queries = {name: {"metric_names": [name]} for name in OVER_ALL}
    queries |= {name: {"metric_names": [name], "group_by_names": [time]} for name, (time, _) in OVER_TIME.items()}
    queries |= {name: {"saved_query_name": name} for name in SAVED}
    queries |= {"by_slice": _BY_SLICE, "by_feature": _BY_FEATURE}
    said = ask(published, list(queries.values()))
    return dict(zip(queries, said["rows"], strict=True)) | {"broken": said["broken"]}


def semantic_manifest() -> dict:
    return json.loads((PROJECT / "target" / "semantic_manifest.json").read_text())


def test_every_metric_and_saved_query_is_asked_for():
    manifest = semantic_manifest()
    assert {metric["name"] for metric in manifest["metrics"]} == OVER_ALL.keys() | OVER_TIME.keys() | PARTS
    assert {query["name"] for query in manifest["saved_queries"]} == SAVED.keys()


def test_metrics_say_what_they_are_in_what_unit():
    metrics = [metric for metric in semantic_manifest()["metrics"] if metric["name"] not in PARTS]
    assert [metric["name"] for metric in metrics if not (metric["description"] and metric["label"])] == []
    units = (
        "_usd",
        "_ratio",
        "_tokens",
        "_count",
        "_usd_per_call",
        "_usd_per_1k_tokens",
        "_usd_per_user",
        "_usd_per_journey",
    )
    assert [metric["name"] for metric in metrics if not metric["name"].endswith(units)] == []


def test_semantic_models_hold_on_the_published_marts(answers):
    assert answers["broken"] == []


@pytest.mark.parametrize("metric", OVER_ALL)
def test_metric_over_all_days(answers, metric):
    assert answers[metric] == [{metric: pytest.approx(OVER_ALL[metric], abs=1e-9)}]


@pytest.mark.parametrize("metric", OVER_TIME)
def test_metric_over_time(answers, metric):
    time, expected = OVER_TIME[metric]
    found = {row[time]: row[metric] for row in answers[metric] if row[time] in expected}
    assert found == {day: value if value is None else pytest.approx(value, abs=1e-9) for day, value in expected.items()}


@pytest.mark.parametrize("name", SAVED)
def test_saved_query(answers, name):
    expected = SAVED[name]
    keys = [column for column in expected if isinstance(expected[column], str)]
    rows = [row for row in answers[name] if all(row[key] == expected[key] for key in keys)]
    assert rows == [
        {column: v if v is None or isinstance(v, str) else pytest.approx(v) for column, v in expected.items()}
    ]


def test_slices_and_features_are_kept_apart(answers):
    by_slice = {(row[_WEEK], row["metric_day__slice"]): row["token_amplification_ratio"] for row in answers["by_slice"]}
    assert by_slice["2025-06-02", "task_type=chat"] == pytest.approx(30 / 100)
    assert by_slice["2025-06-09", "task_type=chat"] == pytest.approx(10 / 100)
    assert by_slice["2025-06-09", "task_type=extraction"] == pytest.approx(50 / 200)
    by_feature = {row["feature"]: row["feature_cheap_call_ratio"] for row in answers["by_feature"]}
    assert by_feature == {"chat": 1, "search": 1 / 2, "total": None}
