"""What the data tests on seeds `planned_features` and `budgets` find, on seeds made for them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.warehouse.tiny_lake import put_seed, run_dbt

PLANS = (
    "feature_id varchar, pipeline_id varchar, share_ratio double, launch_date date, multiplier double, status varchar, "
    "owner varchar, reason varchar"
)
BUDGETS = "feature_id varchar, budget_month date, budget_cost_usd decimal(18, 6), owner varchar, reason varchar"
FEATURES = "feature_id varchar"
JULY = date(2025, 7, 1)


def plan(feature="digest", *, share=1.0, multiplier=None, status="planned", launch=JULY):
    return (feature, "summarize", share, launch, multiplier, status, "ann@example.com", "why")


def budget(feature="docs", *, month=None, usd=100):
    return (feature, month, usd, "ann@example.com", "why")


def failed(path: Path, *, plans=(), budgets=()) -> set[str]:
    """Return the tests that fail on these rows."""
    put_seed(path, "planned_features", PLANS, plans)
    put_seed(path, "budgets", BUDGETS, budgets)
    put_seed(path, "features", FEATURES, [("docs",)])
    tested = run_dbt(
        path,
        "test",
        "--select=planned_features budgets budgets_are_of_known_features_or_the_total",
        as_of_date="2025-06-30",
    )
    assert "TOTAL=" in tested.stdout and "Runtime Error" not in tested.stdout, tested.stdout[-3000:]
    return set(re.findall(r"of \d+ FAIL \d+ (\w+)", tested.stdout))


def test_rows_at_each_bound_pass(tmp_path):
    plans = [
        plan("totals"),
        plan(multiplier=1.0),
        plan("alerts", share=0.01, status="launched"),
        plan("old", status="cancelled"),
    ]
    budgets = [budget(), budget(month=JULY, usd="0.000001"), budget("total"), budget("total", month=JULY)]
    assert failed(tmp_path / "warehouse.duckdb", plans=plans, budgets=budgets) == set()


# The same test twice over would not tell which of its bounds it is: bad rows of either side are in a run of their own.
@pytest.mark.parametrize(
    ("plans", "budgets", "named"),
    [
        (
            [
                plan("nothing", share=0.0),
                plan("saver", multiplier=0.99),
                plan("twice"),
                plan("twice", share=0.5),
                plan("perhaps", status="maybe"),
                plan("some_day", launch=None),
                plan("total"),
            ],
            [budget("doks"), budget(usd=0), budget("total"), budget("total"), budget(month=date(2025, 7, 2))],
            {
                "planned_features_reuse_more_than_nothing_and_at_most_all",
                "planned_features_multiply_by_1_at_least",
                "planned_features_name_each_feature_and_pipeline_once",
                "planned_features_are_planned_launched_or_cancelled",
                "not_null_planned_features_launch_date",
                "planned_features_are_features_and_not_the_total_or_cost_without_one",
                "budgets_are_of_known_features_or_the_total",
                "budgets_are_above_zero",
                "budgets_are_one_a_feature_and_month",
                "budgets_begin_on_the_first_of_a_month",
            },
        ),
        (
            [plan("more_than_all", share=1.01), plan("unattributed")],
            [budget(usd=-1), budget("total", month=JULY), budget("total", month=JULY)],
            {
                "planned_features_reuse_more_than_nothing_and_at_most_all",
                "planned_features_are_features_and_not_the_total_or_cost_without_one",
                "budgets_are_above_zero",
                "budgets_are_one_a_feature_and_month",
            },
        ),
    ],
)
def test_a_bad_row_is_named_by_its_test(tmp_path, plans, budgets, named):
    assert failed(tmp_path / "warehouse.duckdb", plans=plans, budgets=budgets) == named
