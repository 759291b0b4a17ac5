"""Shadow comparisons: what counts as no worse, and the interval of the share."""

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from ai_finops.analyse.agreement import (
    Agreement,
    Route,
    canonical_model_id,
    count_agreement,
    read_comparisons,
    wilson_interval,
)

ROUTE = Route("chat", "anthropic.sonnet", "anthropic.haiku")


def spans(*rows):
    """Shadow spans given as (span id, day of June, baseline right, candidate right, more fields)."""
    return pa.Table.from_pylist(
        [
            {
                "trace_id": "t",
                "span_id": span_id,
                "operation_name": "shadow",
                "started_at": datetime(2025, 6, day, 12, tzinfo=UTC),
                "details_json": json.dumps(
                    {
                        "task_type": "chat",
                        "baseline_model": "us.anthropic.sonnet",
                        "candidate_model": "anthropic.haiku",
                        "baseline_correct": baseline,
                        "candidate_correct": candidate,
                    }
                ),
            }
            | more
            for span_id, day, baseline, candidate, more in rows
        ]
    )


def counted(*rows, before=date(2025, 6, 30)):
    return count_agreement(read_comparisons(spans(*rows)), before=before)


@pytest.mark.parametrize(
    ("baseline", "candidate", "no_worse"),
    [(True, True, 1), (True, False, 0), (False, True, 1), (False, False, 1)],
)
def test_a_candidate_is_worse_only_where_it_alone_was_wrong(baseline, candidate, no_worse):
    assert counted(("a", 2, baseline, candidate, {})) == {ROUTE: Agreement(no_worse, 1)}


def test_a_span_delivered_twice_counts_once():
    assert counted(("a", 2, True, True, {}), ("a", 2, True, True, {})) == {ROUTE: Agreement(1, 1)}


def test_only_comparisons_before_the_date_count():
    rows = [("a", 8, True, True, {}), ("b", 9, True, False, {})]
    assert counted(*rows, before=date(2025, 6, 9)) == {ROUTE: Agreement(1, 1)}
    assert counted(*rows, before=date(2025, 6, 10)) == {ROUTE: Agreement(1, 2)}


@pytest.mark.parametrize(
    "more",
    [
        {"operation_name": "chat"},
        {"details_json": None},
        {"details_json": "{}"},
        {"started_at": None},
        {"details_json": json.dumps({"task_type": "chat", "baseline_model": "a", "candidate_model": "b"})},
    ],
)
def test_what_holds_no_comparison_is_no_evidence(more):
    assert counted(("a", 2, True, True, {}), ("b", 2, True, True, more)) == {ROUTE: Agreement(1, 1)}


def test_wilson_interval_of_90_in_100():
    # Centre (0.9 + 3.8415 / 200) / 1.038415 = 0.88521;
    # margin 1.95996 * sqrt(0.0009 + 3.8415 / 40000) / 1.038415 = 0.05957.
    assert wilson_interval(90, sample_count=100) == (pytest.approx(0.82564, abs=1e-5), pytest.approx(0.94477, abs=1e-5))


def test_wilson_interval_stays_a_share():
    assert 0.0 <= wilson_interval(0, sample_count=5)[0] < 1e-12
    assert 1 - 1e-12 < wilson_interval(5, sample_count=5)[1] <= 1.0


@pytest.mark.parametrize(
    ("model_id", "canonical"),
    [
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"),
        ("global.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("gpt-4o-mini", "gpt-4o-mini"),
    ],
)
def test_regional_prefix(model_id, canonical):
    assert canonical_model_id(model_id) == canonical
