"""From the marts' rows to baselines and what drove an anomaly, by hand; and drivers that add up to any excess."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse.anomaly_rules import AnomalyRules
from ai_finops.analyse.cost_baselines import judge_days
from ai_finops.analyse.schemas import COST_ANOMALY_DRIVERS, DAILY_COST_BASELINES
from ai_finops.analyse.series import CostHistory
from ai_finops.analyse.spend_days import read_days
from ai_finops.errors import BuildError
from tests.analyse.test_drivers import SCHEMA, line, untraced
from tests.analyse.test_spend_split import GROUPS, group

MONDAY = date(2025, 6, 2)
DAYS = [MONDAY + timedelta(days=number) for number in range(21)]
RULE = {
    "feature_id": "*",
    "baseline_kind": "trailing_days",
    "trailing_day_count": 7,
    "same_weekday_count": 4,
    "smallest_known_day_count": 3,
    "anomaly_ratio": 2.0,
    "smallest_excess_cost_usd": Decimal("5.000000"),
    "step_day_count": 3,
}


def judged(lines, groups=(), *, covered_days=None, rules=(RULE,)):
    """Judge rows of allocated cost, as the analysis does between the phases."""
    allocated = pa.Table.from_pylist(list(lines), schema=SCHEMA)
    usage = [row for row in allocated.to_pylist() if row["charge_category"] == "usage"]
    daily = (
        pa.Table.from_pylist([row | {"cost_status": row.get("cost_status", "billed")} for row in usage])
        if usage
        else None
    )
    if daily is None:
        daily = pa.Table.from_pylist([], schema=SCHEMA.append(pa.field("cost_status", pa.string())))
    result = judge_days(
        CostHistory.from_table(daily, covered_days=covered_days, largest_unknown_ratio=0.01),
        daily_costs=daily,
        days=read_days(allocated, pa.Table.from_pylist(list(groups), schema=GROUPS)),
        rules=AnomalyRules.from_table(pa.Table.from_pylist(list(rules))),
        largest_unknown_ratio=0.01,
    )
    assert (result.baselines.schema, result.drivers.schema) == (DAILY_COST_BASELINES, COST_ANOMALY_DRIVERS)
    return result.baselines.to_pylist(), result.drivers.to_pylist()


def of(rows, feature, day):
    return [row for row in rows if (row["feature_id"], row["usage_date"]) == (feature, day)]


def test_a_row_says_what_it_is_made_of():
    lines = [line(day, "docs", 10) for day in DAYS[:7]] + [line(DAYS[7], "docs", 30)]
    baselines, _ = judged(lines)
    (row,) = of(baselines, "docs", DAYS[7])
    assert row == {
        "usage_date": DAYS[7],
        "feature_id": "docs",
        "baseline_kind": "trailing_days",
        "status": "spike",
        "reason": "above_ratio",
        "cost_status": "billed",
        "allocated_cost_usd": Decimal(30),
        "baseline_cost_usd": Decimal(10),
        "excess_cost_usd": Decimal(20),
        "baseline_ratio": 3.0,
        "baseline_day_count": 7,
        "anomaly_day_number": 1,
        "is_anomaly": True,
        "anomaly_start_date": DAYS[7],
    }
    (first,) = of(baselines, "docs", DAYS[0])
    assert (first["status"], first["baseline_cost_usd"], first["excess_cost_usd"], first["baseline_ratio"]) == (
        "insufficient_history",
        None,
        None,
        None,
    )


def test_a_covered_day_without_a_row_is_a_day_of_zero_and_a_day_not_covered_is_none():
    lines = [line(day, "docs", 10) for day in DAYS[:4]]
    baselines, _ = judged(lines, covered_days=[*DAYS[:3], *DAYS[4:6]])
    assert [
        (row["usage_date"], row["allocated_cost_usd"], row["cost_status"])
        for row in baselines
        if row["feature_id"] == "docs"
    ] == [
        *((day, Decimal(10), "billed") for day in DAYS[:3]),
        (DAYS[4], Decimal(0), None),
        (DAYS[5], Decimal(0), None),
    ]
    # 30 / 3, then 30 / 4.
    assert [row["baseline_cost_usd"] for row in baselines if row["feature_id"] == "docs"][3:] == [10, Decimal("7.5")]


def test_a_feature_that_begins_spent_nothing_on_covered_days_before_and_has_no_row_of_them():
    lines = [line(day, "docs", 100) for day in DAYS[:4]] + [line(DAYS[3], "chat", 10)]
    baselines, drivers = judged(lines)
    assert [
        (row["usage_date"], row["status"], row["baseline_ratio"]) for row in baselines if row["feature_id"] == "chat"
    ] == [(DAYS[3], "new_spend", None)]
    assert [(row["driver"], row["contribution_cost_usd"], row["detail"]) for row in of(drivers, "chat", DAYS[3])] == [
        ("new_caller", 10, "chat calls pipeline summarize from docs-api, already used by docs")
    ]


def test_total_is_all_features_together_and_its_details_say_whose():
    lines = [line(day, feature, 10) for day in DAYS[:7] for feature in ("docs", "chat")]
    lines += [line(DAYS[7], "docs", 50, calls=50, tokens=5000), line(DAYS[7], "chat", 10)]
    lines += [untraced(DAYS[7], "unattributed", 7, reason="no_trace"), line(DAYS[7], "new", 3)]
    baselines, drivers = judged(lines)
    (total,) = of(baselines, "total", DAYS[7])
    assert (total["allocated_cost_usd"], total["baseline_cost_usd"], total["status"]) == (70, 20, "spike")
    assert [(row["driver"], row["detail"], row["contribution_cost_usd"]) for row in of(drivers, "total", DAYS[7])] == [
        ("new_caller", "new calls pipeline summarize from docs-api, already used by chat and docs", 3),
        ("untraced_usage", "unattributed: cost that belongs to no feature", 7),
        ("volume", "docs: 10 to 50 calls", 40),
    ]


def test_the_status_of_several_costs_is_the_least_sure_one():
    lines = [line(DAYS[0], "docs", 1) | {"cost_status": "final"}, line(DAYS[0], "chat", 1) | {"cost_status": "billed"}]
    schema = SCHEMA.append(pa.field("cost_status", pa.string()))
    daily = pa.Table.from_pylist(lines, schema=schema)
    found = judge_days(
        CostHistory.from_table(daily, largest_unknown_ratio=0.01),
        daily_costs=daily,
        days={},
        rules=AnomalyRules.from_table(pa.Table.from_pylist([RULE])),
        largest_unknown_ratio=0.01,
    ).baselines.to_pylist()
    assert {row["feature_id"]: row["cost_status"] for row in found} == {
        "docs": "final",
        "chat": "billed",
        "total": "billed",
    }


def test_a_mean_that_does_not_end_is_rounded_once_and_drivers_add_up_to_what_is_left():
    # 10 / 3 a day before: 3.333333; untraced before, calls after.
    lines = [untraced(DAYS[0], "docs", 10, attribution="tag"), *(line(day, "docs", 0) for day in DAYS[1:3])]
    lines += [line(DAYS[3], "docs", 10)]
    baselines, drivers = judged(lines)
    assert of(baselines, "docs", DAYS[3])[0]["excess_cost_usd"] == Decimal("6.666667")
    # 6.67 calls at nothing, then 10 at a dollar: Shapley gives 10 / 6 to the calls and 50 / 6 to their price.
    assert [(row["driver"], row["contribution_cost_usd"]) for row in of(drivers, "docs", DAYS[3])] == [
        ("cost_per_token", Decimal("8.333333")),
        ("untraced_usage", Decimal("-3.333333")),
        ("volume", Decimal("1.666667")),
    ]


def test_new_callers_and_prompt_versions_are_told_apart_in_a_day():
    lines = [line(day, "docs", 10) for day in DAYS[:7]] + [line(DAYS[7], "docs", 45, calls=25, tokens=2500)]
    groups = [group(day, "docs", 10, journey="a", prompt="v1") for day in DAYS[:7]]
    groups += [
        group(DAYS[7], "docs", 30, journey="a", prompt="v2"),
        group(DAYS[7], "docs", 15, calls=15, tokens=1500, journey="b", prompt="v1"),
    ]
    _, drivers = judged(lines, groups)
    assert [(row["driver"], row["detail"], row["contribution_cost_usd"]) for row in of(drivers, "docs", DAYS[7])] == [
        ("new_caller", "docs calls pipeline summarize from docs-api in journey b", 15),
        (
            "new_prompt_version",
            "docs calls pipeline summarize from docs-api in journey a with prompt v2, $1,000.00 to $3,000.00 per 1,000 calls",
            20,
        ),
    ]


def test_a_caller_of_unknown_cost_is_said_to_be_one():
    lines = [line(day, feature, 10, calls=100) for day in DAYS[:7] for feature in ("docs", "chat")]
    lines += [line(DAYS[7], "docs", 40, calls=400), line(DAYS[7], "docs", 5, calls=4, unknown=(4, 0), service="batch")]
    _, drivers = judged(lines)
    assert next((row["driver"], row["detail"]) for row in of(drivers, "docs", DAYS[7])) == (
        "cost_not_known",
        "docs calls pipeline summarize from batch, 4 of 4 calls this day without bill or price",
    )


def test_a_restated_bill_judges_the_day_again_and_the_days_after_it():
    lines = [line(day, "docs", 10) for day in DAYS[:10]]
    assert {row["status"] for row in judged(lines)[0][3:] if row["usage_date"] >= DAYS[3]} == {"normal"}
    restated = [row | {"allocated_cost_usd": Decimal(31)} if row["usage_date"] == DAYS[7] else row for row in lines]
    baselines, drivers = judged(restated)
    assert [row["status"] for row in baselines if row["feature_id"] == "docs"][7:] == ["spike", "normal", "normal"]
    assert sum(row["contribution_cost_usd"] for row in of(drivers, "docs", DAYS[7])) == 21
    # And the other way: what was a spike by an estimate is none by the bill.
    assert judged(lines)[1] == []


def test_a_feature_has_its_own_rule_where_there_is_one():
    lines = [line(day, feature, 10) for day in DAYS[:7] for feature in ("docs", "chat")]
    lines += [line(DAYS[7], feature, 30) for feature in ("docs", "chat")]
    baselines, _ = judged(lines, rules=(RULE, RULE | {"feature_id": "chat", "anomaly_ratio": 3.0}))
    assert [of(baselines, feature, DAYS[7])[0]["status"] for feature in ("docs", "chat")] == ["spike", "normal"]


def test_rules_without_one_for_every_feature_are_refused():
    with pytest.raises(BuildError, match=r"anomaly_rules has no rule for every feature; add a row with feature_id \*"):
        AnomalyRules.from_table(pa.Table.from_pylist([RULE | {"feature_id": "docs"}]))


def test_no_costs_give_typed_empty_tables():
    assert judged([]) == ([], [])


lines_of_days = st.builds(
    line,
    st.sampled_from(DAYS[:12]),
    st.sampled_from(["docs", "batch", "chat"]),
    st.decimals(0, 500, places=6),
    calls=st.integers(0, 50),
    tokens=st.integers(0, 10**6),
    model=st.sampled_from(["sonnet", "haiku", "rerank"]),
    pipeline=st.sampled_from(["summarize", "answer"]),
    attribution=st.sampled_from(["traced", "traced", "traced", "tag", "unattributed"]),
    unattributed_reason=st.sampled_from([None, "no_trace", "no_feature"]),
    unknown=st.sampled_from([(0, 0)] * 9 + [(1, 500)]),
)
groups_of_days = st.builds(
    group,
    st.sampled_from(DAYS[:12]),
    st.sampled_from(["docs", "batch", "chat"]),
    st.decimals(0, 500, places=6),
    calls=st.integers(1, 50),
    model=st.sampled_from(["sonnet", "haiku"]),
    journey=st.sampled_from([None, "onboarding", "import"]),
    prompt=st.sampled_from([None, "v1", "v2"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines_of_days, min_size=10, max_size=60), st.lists(groups_of_days, max_size=30))
def test_drivers_add_up_to_the_excess_of_every_anomaly(lines, groups):
    baselines, drivers = judged(lines, groups, covered_days=DAYS)
    expected = {
        (row["usage_date"], row["feature_id"]): row["excess_cost_usd"] for row in baselines if row["is_anomaly"]
    }
    found = defaultdict(Decimal)
    for row in drivers:
        found[row["usage_date"], row["feature_id"]] += row["contribution_cost_usd"]
    assert dict(found) == expected
    assert all(
        row["excess_cost_usd"] == row["allocated_cost_usd"] - row["baseline_cost_usd"]
        for row in baselines
        if row["is_anomaly"]
    )
    keys = [(row["usage_date"], row["feature_id"], row["driver"], row["detail"]) for row in drivers]
    assert keys == sorted(set(keys))
