"""Two plans on a pipeline of $100 (±10) a month: `notes` doubles and a half what is there, `digest` doubles that.

`notes` adds 100 × 1.5 = 150 (±15), `digest` 100 × 2.5 × 1 = 250 (±25). The total as it is is 300 (±30).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest

from ai_finops.analyse.projections import Changes, project
from ai_finops.ui.planned_steps import Amount, add, earlier_off, increments, reuses_several
from tests.analyse.daily_costs import daily, history, spent
from tests.analyse.test_planned_features import AS_OF, FIRST, Planned
from tests.analyse.test_planned_features import plan as plan_row

JULY = date(2025, 7, 1)
TOTAL = Amount(Decimal(300), Decimal(330))


def row(feature, scenario, mean, high, actual=None):
    known = {"projected_cost_usd": mean, "high_cost_usd": high, "actual_cost_usd": actual}
    usd = {name: None if value is None else Decimal(str(value)) for name, value in known.items()}
    return {"feature_id": feature, "scenario": scenario, "target_period": "month", "target_date": JULY} | usd


def plan(feature, pipeline, order, factor, status="applied"):
    return {
        "feature_id": feature,
        "pipeline_id": pipeline,
        "order_number": order,
        "cost_factor": factor,
        "plan_status": status,
    }


PLANS = [plan("notes", "summarize", 1, 2.5), plan("digest", "summarize", 2, 2.0)]
ROWS = [row("notes", "with_planned_features", 150, 165), row("digest", "with_planned_features", 250, 275)]


@pytest.mark.parametrize(
    ("switched_on", "mean", "high"),
    [
        ({"notes", "digest"}, 700, 770),
        ({"notes"}, 450, 495),
        # Without notes there is 100 to double, not 250.
        ({"digest"}, 400, 440),
        (set(), 300, 330),
    ],
)
def test_each_step_adds_what_it_adds_to_what_is_on(switched_on, mean, high):
    added = increments(ROWS, PLANS, switched_on=switched_on)
    total = add(TOTAL, [each["month", JULY] for each in added.values()])
    assert total == Amount(Decimal(mean), Decimal(high))
    assert total.low() == 2 * mean - high


def test_a_feature_that_runs_adds_what_is_beyond_it():
    # 40 (±4) as it is, 190 (±19) with its plan.
    rows = [row("notes", "as_is", 40, 44), row("notes", "with_planned_features", 190, 209)]
    added = increments(rows, PLANS[:1], switched_on={"notes"})
    assert added["notes"]["month", JULY] == Amount(Decimal(150), Decimal(165))


def test_a_feature_without_a_figure_adds_what_is_beyond_what_it_has_spent():
    rows = [row("notes", "as_is", None, None, actual=5), row("notes", "with_planned_features", 155, 170, actual=5)]
    added = increments(rows, PLANS[:1], switched_on={"notes"})
    assert added["notes"]["month", JULY] == Amount(Decimal(150), Decimal(165))


def test_a_plan_without_a_figure_adds_nothing_that_is_known():
    added = increments([row("notes", "with_planned_features", None, None)], PLANS, switched_on={"notes"})
    assert added == {"notes": {}}


def test_of_a_plan_on_several_pipelines_nothing_is_taken_off():
    plans = [*PLANS, plan("digest", "rag_answer", 1, 2.0)]
    assert reuses_several("digest", plans)
    added = increments(ROWS, plans, switched_on={"digest"})
    assert added["digest"]["month", JULY] == Amount(Decimal(250), Decimal(275))
    assert [each["feature_id"] for each in earlier_off("digest", plans, switched_on={"digest"})] == ["notes"]


@pytest.mark.parametrize("status", ["launched", "cancelled", "launch_date_passed"])
def test_a_plan_that_is_not_applied_is_no_step(status):
    # One that has launched is in the pipeline's history already: nothing is taken off for it.
    plans = [plan("notes", "summarize", 1, 2.5, status), PLANS[1]]
    assert earlier_off("digest", plans, switched_on={"digest"}) == []
    added = increments(ROWS, plans, switched_on={"digest"})
    assert added["digest"]["month", JULY] == Amount(Decimal(250), Decimal(275))


def test_a_low_end_is_not_below_what_is_spent():
    wide = Amount(Decimal(10), Decimal(25))
    assert wide.low() == 0
    assert wide.low(floor=Decimal(3)) == 3
    assert Amount(Decimal(10), Decimal(12)).low(floor=Decimal(3)) == 8


# Four plans on two pipelines, of costs that are no level, so that there is a band; the analysis itself says what is right.
NOISY = [
    ("summarize", daily([240, 260, 210, 250] * 7, first=FIRST)),
    ("answer", daily([90, 70, 80, 100] * 7, first=FIRST)),
]
OVERALL = daily([400, 380, 420, 410] * 7, first=FIRST)
FOUR = (
    plan_row("notes"),
    plan_row("digest", launch_date=date(2025, 7, 20), share_ratio=0.5),
    plan_row("search", pipeline="answer", launch_date=date(2025, 8, 3), multiplier=1.5),
    plan_row("alerts", launch_date=date(2025, 8, 10), multiplier=2.0),
)


def projected(*plans):
    """Return the rows of the scenarios, and the plans as `rpt_planned_features` has them."""
    planned = Planned(*plans, costs=NOISY)
    table = project(
        history(OVERALL),
        as_of_dates=[AS_OF],
        spent=spent(OVERALL),
        own_date=AS_OF,
        changes=Changes(extras=planned.extras),
    )
    judged = [
        plan(e.plan.feature_id, e.plan.pipeline_id, e.order_number, e.plan.factor, e.status) for e in planned.judged
    ]
    return table.to_pylist(), judged


def total_of(rows, scenario):
    return {
        (row["target_period"], row["target_date"]): row
        for row in rows
        if (row["feature_id"], row["scenario"]) == ("total", scenario)
    }


@pytest.mark.parametrize("count", range(5))
def test_steps_that_are_on_come_to_what_the_analysis_projects_of_them_alone(count):
    every, judged = projected(*FOUR)
    for subset in combinations(FOUR, count):
        switched_on = {row["feature_id"] for row in subset}
        added = increments(every, judged, switched_on=switched_on)
        right, _ = projected(*subset)
        wanted = total_of(right, "with_planned_features")
        for target, row in total_of(every, "as_is").items():
            base = Amount(row["projected_cost_usd"], row["high_cost_usd"])
            found = add(base, [each[target] for each in added.values() if target in each])
            known = (found.mean, found.high, found.low(floor=row["actual_cost_usd"] or Decimal(0)))
            names = ("projected_cost_usd", "high_cost_usd", "low_cost_usd")
            # Each row was rounded to the micro-dollar by itself.
            assert known == pytest.approx([wanted[target][name] for name in names], abs=Decimal("0.000006"))
