"""The weekly change split into drivers: each by hand, and sums that are exact in 200 random cases."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse.drivers import split_weeks
from ai_finops.analyse.schemas import COST_DRIVERS

FIRST, SECOND = date(2025, 6, 2), date(2025, 6, 9)
SCHEMA = pa.schema(
    [
        ("usage_date", pa.date32()),
        ("charge_category", pa.string()),
        ("feature_id", pa.string()),
        ("pipeline_id", pa.string()),
        ("service_name", pa.string()),
        ("model_id", pa.string()),
        ("attribution", pa.string()),
        ("request_count", pa.int64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("allocated_cost_usd", pa.decimal128(18, 6)),
    ]
)


def line(
    day, feature, cost, *, calls=10, tokens=1000, model="sonnet", pipeline="summarize", service="docs-api", **other
):
    """One row of allocated cost; tokens are input tokens."""
    row = {
        "usage_date": day,
        "charge_category": "usage",
        "feature_id": feature,
        "pipeline_id": pipeline,
        "service_name": service,
        "model_id": model,
        "attribution": "traced",
        "request_count": calls,
        "input_tokens": tokens,
        "output_tokens": 0,
        "allocated_cost_usd": Decimal(str(cost)),
    }
    return row | other


def untraced(day, feature, cost, *, attribution="unattributed"):
    return line(day, feature, cost, calls=0, tokens=0, pipeline="unknown", service="unknown", attribution=attribution)


def drivers(*lines):
    rows = split_weeks(pa.Table.from_pylist(list(lines), schema=SCHEMA)).to_pylist()
    return [(row["feature_id"], row["driver"], float(row["contribution_cost_usd"])) for row in rows]


def details(*lines):
    rows = split_weeks(pa.Table.from_pylist(list(lines), schema=SCHEMA)).to_pylist()
    return {row["driver"]: row["detail"] for row in rows}


def test_the_first_week_has_no_drivers():
    assert drivers(line(FIRST, "docs", 10)) == []


def test_a_week_after_a_gap_has_no_drivers():
    assert drivers(line(FIRST, "docs", 10), line(date(2025, 6, 16), "docs", 20)) == []


def test_no_rows_give_a_typed_empty_table():
    result = split_weeks(pa.Table.from_pylist([], schema=SCHEMA))
    assert (result.schema, result.num_rows) == (COST_DRIVERS, 0)


def test_a_new_feature_in_a_known_pipeline_is_a_new_caller():
    lines = [line(FIRST, "docs", 10), line(SECOND, "docs", 10), line(SECOND, "batch", 4)]
    assert drivers(*lines) == [("batch", "new_caller", 4.0)]
    assert details(*lines) == {"new_caller": "batch calls pipeline summarize from docs-api, already used by docs"}


def test_a_new_caller_of_a_new_pipeline_reuses_nothing():
    lines = [line(FIRST, "docs", 10), line(SECOND, "docs", 10), line(SECOND, "batch", 4, pipeline="nightly")]
    assert details(*lines) == {"new_caller": "batch calls pipeline nightly from docs-api"}


def test_a_known_feature_from_a_new_service_is_a_new_caller():
    lines = [line(FIRST, "docs", 10), line(SECOND, "docs", 10), line(SECOND, "docs", 3, service="batch-api")]
    assert drivers(*lines) == [("docs", "new_caller", 3.0)]
    assert details(*lines) == {"new_caller": "docs calls pipeline summarize from batch-api"}


def test_a_caller_that_went_is_a_lost_caller():
    lines = [line(FIRST, "docs", 10), line(FIRST, "batch", 4), line(SECOND, "docs", 10)]
    assert drivers(*lines) == [("batch", "lost_caller", -4.0)]
    assert details(*lines) == {"lost_caller": "batch calls pipeline summarize from docs-api"}


def test_factors_of_a_caller_of_both_weeks():
    # Twice the tokens at one and a half times the price: 12.5 and 7.5 as in test_factors.
    lines = [line(FIRST, "docs", 10, tokens=1000), line(SECOND, "docs", 30, tokens=2000)]
    assert drivers(*lines) == [("docs", "cost_per_token", 7.5), ("docs", "tokens_per_call", 12.5)]
    assert details(*lines) == {
        "tokens_per_call": "100 to 200 tokens per call on sonnet",
        "cost_per_token": "$10,000.00 to $15,000.00 per million tokens on sonnet",
    }


def test_days_of_a_week_are_summed():
    lines = [line(FIRST + timedelta(days=n), "docs", 1) for n in range(7)]
    lines += [line(SECOND + timedelta(days=n), "docs", 1, calls=20) for n in range(7)]
    # Twice the calls for the same tokens and money: volume +x, tokens per call -x.
    assert sum(cost for *_, cost in drivers(*lines)) == 0
    assert {driver for _, driver, _ in drivers(*lines)} == {"volume", "tokens_per_call"}
    assert details(*lines)["volume"] == "70 to 140 calls"


def test_mix_names_the_model_whose_share_moved_most():
    before = [line(FIRST, "docs", 10, calls=100)]
    after = [line(SECOND, "docs", 5, calls=50, tokens=500), line(SECOND, "docs", 0.5, calls=50, model="haiku")]
    assert drivers(*before, *after) == [("docs", "model_mix", -4.5)]
    assert details(*before, *after) == {"model_mix": "0% to 50% of calls on haiku"}


def test_price_of_a_model_without_tokens_is_per_call():
    lines = [line(FIRST, "docs", 0.2, calls=100, tokens=0), line(SECOND, "docs", 0.3, calls=100, tokens=0)]
    assert details(*lines) == {"cost_per_token": "$2,000.00 to $3,000.00 per million calls on sonnet"}


@pytest.mark.parametrize("attribution", ["unattributed", "tag", "principal"])
def test_cost_without_calls_is_untraced_usage(attribution):
    lines = [line(FIRST, "docs", 1), line(SECOND, "docs", 1)]
    lines += [untraced(FIRST, "x", 5, attribution=attribution), untraced(SECOND, "x", 8, attribution=attribution)]
    assert drivers(*lines) == [("x", "untraced_usage", 3.0)]


def test_traced_cost_without_a_call_is_untraced_usage_too():
    lines = [line(FIRST, "docs", 5), line(SECOND, "docs", 5), line(SECOND, "docs", 1, calls=0, model="haiku")]
    assert drivers(*lines) == [("docs", "untraced_usage", 1.0)]


def test_a_caller_without_calls_the_week_before_is_new():
    lines = [
        line(FIRST, "docs", 5),
        line(SECOND, "docs", 5),
        line(FIRST, "batch", 2, calls=0),
        line(SECOND, "batch", 6),
    ]
    assert drivers(*lines) == [("batch", "new_caller", 6.0), ("batch", "untraced_usage", -2.0)]


def test_credits_and_tax_are_left_aside():
    lines = [line(FIRST, "docs", 5), line(SECOND, "docs", 5)]
    lines += [line(SECOND, "not_allocated", -3, charge_category="credit"), line(SECOND, "x", 9, charge_category="tax")]
    assert drivers(*lines) == []


features = st.sampled_from(["docs", "batch", "chat"])
lines_of = st.builds(
    line,
    st.integers(0, 20).map(lambda offset: FIRST + timedelta(days=offset)),
    features,
    st.decimals(-5, 500, places=6),
    calls=st.integers(0, 2000),
    tokens=st.integers(0, 10**6),
    model=st.sampled_from(["sonnet", "haiku", "rerank"]),
    pipeline=st.sampled_from(["summarize", "answer"]),
    attribution=st.sampled_from(["traced", "traced", "tag", "unattributed"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(lines_of, max_size=40))
def test_drivers_add_up_to_the_change_of_every_feature_and_week(lines):
    spent = defaultdict(Decimal)
    for row in lines:
        spent[row["usage_date"] - timedelta(days=row["usage_date"].weekday()), row["feature_id"]] += row[
            "allocated_cost_usd"
        ]
    weeks = {monday for monday, _ in spent}
    expected = {
        (monday, feature): change
        for monday in weeks
        if monday - timedelta(days=7) in weeks
        for feature in ("docs", "batch", "chat")
        if (change := spent[monday, feature] - spent[monday - timedelta(days=7), feature])
    }
    found = defaultdict(Decimal)
    result = split_weeks(pa.Table.from_pylist(lines, schema=SCHEMA)).to_pylist()
    for row in result:
        found[row["week_start_date"], row["feature_id"]] += row["contribution_cost_usd"]
    assert {key: cost for key, cost in found.items() if cost} == expected
    keys = [(row["week_start_date"], row["feature_id"], row["driver"], row["detail"]) for row in result]
    assert keys == sorted(set(keys))
