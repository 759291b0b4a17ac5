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
        ("unattributed_reason", pa.string()),
        ("request_count", pa.int64()),
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("unknown_cost_call_count", pa.int64()),
        ("unknown_cost_tokens", pa.int64()),
        ("allocated_cost_usd", pa.decimal128(18, 6)),
    ]
)


def line(
    day,
    feature,
    cost,
    *,
    calls=10,
    tokens=1000,
    unknown=(0, 0),
    model="sonnet",
    pipeline="summarize",
    service="docs-api",
    **other,
):
    """One row of allocated cost; tokens are input tokens, `unknown` the calls of unknown cost and their tokens."""
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
        "unknown_cost_call_count": unknown[0],
        "unknown_cost_tokens": unknown[1],
        "allocated_cost_usd": None if cost is None else Decimal(str(cost)),
    }
    return row | other


def untraced(day, feature, cost, *, attribution="unattributed", reason=None):
    place = {"pipeline": "unknown", "service": "unknown", "attribution": attribution, "unattributed_reason": reason}
    return line(day, feature, cost, calls=0, tokens=0, **place)


def split(*lines):
    return split_weeks(pa.Table.from_pylist(list(lines), schema=SCHEMA), largest_unknown_ratio=0.01)


def drivers(*lines):
    return [
        (row["feature_id"], row["driver"], float(row["contribution_cost_usd"])) for row in split(*lines).to_pylist()
    ]


def details(*lines):
    return {row["driver"]: row["detail"] for row in split(*lines).to_pylist()}


def test_the_first_week_has_no_drivers():
    assert drivers(line(FIRST, "docs", 10)) == []


def test_a_week_after_a_gap_has_no_drivers():
    assert drivers(line(FIRST, "docs", 10), line(date(2025, 6, 16), "docs", 20)) == []


def test_no_rows_give_a_typed_empty_table():
    result = split()
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


@pytest.mark.parametrize(
    ("attribution", "reason", "driver", "detail"),
    [
        ("tag", None, "untraced_usage", "owned by its tag on the bill"),
        ("principal", None, "untraced_usage", "owned by its principal on the bill"),
        ("unattributed", "no_trace", "untraced_usage", "cost that belongs to no feature"),
        ("unattributed", "no_feature", "unattributed_usage", "calls that name no feature"),
        ("unattributed", "no_weight", "unattributed_usage", "calls without a weight to divide it by"),
        ("unattributed", "unknown_model", "unattributed_usage", "models on the bill that no seed names"),
        ("unattributed", "unknown_usage_type", "unattributed_usage", "usage types on the bill that are not known"),
        ("unattributed", "moonshine", "unattributed_usage", "for the reason moonshine"),
    ],
)
def test_cost_without_a_caller_says_whose_it_is(attribution, reason, driver, detail):
    lines = [line(FIRST, "docs", 1), line(SECOND, "docs", 1)]
    lines += [
        untraced(day, "x", cost, attribution=attribution, reason=reason) for day, cost in ((FIRST, 5), (SECOND, 8))
    ]
    assert drivers(*lines) == [("x", driver, 3.0)]
    assert details(*lines) == {driver: detail}


def test_usage_without_a_caller_is_split_by_whose_it_is():
    lines = [untraced(FIRST, "x", 5, attribution="tag"), untraced(SECOND, "x", 9, attribution="principal")]
    assert [(row["detail"], row["contribution_cost_usd"]) for row in split(*lines).to_pylist()] == [
        ("owned by its principal on the bill", 9),
        ("owned by its tag on the bill", -5),
    ]


def test_traced_calls_without_a_feature_are_not_untraced():
    lines = [line(FIRST, "docs", 5), line(SECOND, "docs", 5)]
    lines += [line(SECOND, "unattributed", 2, attribution="unattributed", unattributed_reason="no_feature")]
    assert drivers(*lines) == [("unattributed", "unattributed_usage", 2.0)]


def test_traced_cost_without_a_call_is_untraced_usage_too():
    lines = [line(FIRST, "docs", 5), line(SECOND, "docs", 5), line(SECOND, "docs", 1, calls=0, model="haiku")]
    assert drivers(*lines) == [("docs", "untraced_usage", 1.0)]
    assert details(*lines) == {"untraced_usage": "traced, but no call was counted"}


def test_a_caller_of_unknown_cost_has_no_other_driver():
    # The second week is on no bill and the model has no price: the price per token did not fall to nothing.
    lines = [line(FIRST, "chat", 70, calls=70, tokens=7000)]
    lines += [line(SECOND, "chat", None, calls=70, tokens=7000, unknown=(70, 7000))]
    assert drivers(*lines) == [("chat", "cost_not_known", -70.0)]
    assert details(*lines) == {
        "cost_not_known": "chat calls pipeline summarize from docs-api, 70 of 70 calls this week without bill or price"
    }


def test_unknown_cost_of_either_week_is_said():
    before = line(FIRST, "chat", 1, calls=10, unknown=(4, 400))
    lines = [before, line(SECOND, "chat", 3, calls=10)]
    assert drivers(*lines) == [("chat", "cost_not_known", 2.0)]
    assert details(*lines)["cost_not_known"].endswith(", 4 of 10 calls the week before without bill or price")
    lines = [before, line(SECOND, "chat", 3, calls=20, unknown=(20, 2000))]
    assert details(*lines)["cost_not_known"].endswith(
        ", 4 of 10 calls the week before and 20 of 20 this week without bill or price"
    )


def test_a_new_caller_of_unknown_cost_is_named_though_nothing_of_it_is_known():
    lines = [line(FIRST, "docs", 5), line(SECOND, "docs", 5), line(SECOND, "chat", None, unknown=(10, 1000))]
    assert drivers(*lines) == [("chat", "cost_not_known", 0.0)]


@pytest.mark.parametrize(
    ("unknown", "is_known"),
    [((1, 1000), True), ((2, 0), False), ((1, 1001), False), ((0, 0), True)],
)
def test_a_hundredth_of_unknown_cost_is_borne(unknown, is_known):
    # Of 100 calls and 100,000 tokens.
    lines = [line(FIRST, "chat", 5, calls=100, tokens=100_000)]
    lines += [line(SECOND, "chat", 5, calls=99, tokens=99_000)]
    lines += [line(SECOND, "chat", None, calls=1, tokens=1_000, model="new", unknown=unknown)]
    assert ("cost_not_known" not in details(*lines)) == is_known


def test_calls_without_a_feature_of_unknown_cost():
    featureless = {"attribution": "unattributed", "unattributed_reason": "no_feature"}
    lines = [line(FIRST, "unattributed", 7, **featureless)]
    lines += [line(SECOND, "unattributed", None, unknown=(10, 1000), **featureless)]
    assert drivers(*lines) == [("unattributed", "cost_not_known", -7.0)]
    assert details(*lines) == {
        "cost_not_known": "calls that name no feature, 10 of 10 calls this week without bill or price"
    }


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
    unattributed_reason=st.sampled_from([None, "no_trace", "no_feature"]),
    unknown=st.sampled_from([(0, 0), (0, 0), (0, 0), (1, 500)]),
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
    result = split(*lines).to_pylist()
    for row in result:
        found[row["week_start_date"], row["feature_id"]] += row["contribution_cost_usd"]
    assert {key: cost for key, cost in found.items() if cost} == expected
    keys = [(row["week_start_date"], row["feature_id"], row["driver"], row["detail"]) for row in result]
    assert keys == sorted(set(keys))
