"""Plans on pipelines, worked by hand: factors, order, who pays, what is not applied and why, and what really came."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.plan_results import realise, report_plans
from ai_finops.analyse.planned_features import (
    Plan,
    add_extras,
    forecast_pipelines,
    judge_plans,
    read_pipelines,
    read_plans,
)
from ai_finops.analyse.projections import Changes, day_count_from, project
from ai_finops.analyse.schemas import PLANNED_FEATURES
from tests.analyse.daily_costs import daily, history, spent, table

AS_OF = date(2025, 6, 30)
FIRST = date(2025, 6, 2)
JULY = date(2025, 7, 1)


def plan(feature="digest", *, pipeline="summarize", **changes):
    """A plan on the whole pipeline with the default multiplier, launched on July 1."""
    row = {
        "feature_id": feature,
        "pipeline_id": pipeline,
        "share_ratio": 1.0,
        "launch_date": JULY,
        "multiplier": None,
        "status": "planned",
        "owner": "ann@example.com",
        "reason": "asked for",
    }
    return row | changes


def read(*rows):
    names = {"launch_date": pa.date32(), "share_ratio": pa.float64(), "multiplier": pa.float64()}
    schema = pa.schema([(name, names.get(name, pa.string())) for name in plan()])
    return read_plans(pa.Table.from_pylist(list(rows), schema=schema))


def allocated(*rows_by_pipeline):
    """Rows of usage: (pipeline, rows of `daily_costs.table`)."""
    parts = [
        table(rows)
        .append_column("pipeline_id", pa.array([pipeline] * len(rows)))
        .append_column("charge_category", pa.array(["usage"] * len(rows)))
        for pipeline, rows in rows_by_pipeline
    ]
    return pa.concat_tables(parts)


class Planned:
    """Plans on pipelines as of June 30, with 28 days of history unless said otherwise."""

    def __init__(self, *rows, costs=None, covered=28, last_dates=None, as_of=AS_OF):
        costs = costs if costs is not None else [("summarize", daily([240] * 28, first=FIRST))]
        covered_days = [as_of - timedelta(days=n) for n in range(covered, 0, -1)]
        self.plans = read(*rows)
        self.pipelines = read_pipelines(
            allocated(*costs), self.plans, covered_days=covered_days, largest_unknown_ratio=0.01
        )
        self.forecasts = forecast_pipelines(self.pipelines, as_of=as_of, day_count=day_count_from(as_of))
        self.judged = judge_plans(
            self.plans, self.pipelines, forecasts=self.forecasts, as_of=as_of, last_dates=last_dates or {}
        )
        self.extras = add_extras(self.judged, self.forecasts, as_of=as_of, last_dates=last_dates or {})

    @property
    def statuses(self):
        return [each.status for each in self.judged]

    def realised(self, number=0, as_of=AS_OF):
        judged = self.judged[number]
        return realise(judged, self.judged, self.pipelines.get(judged.plan.pipeline_id), as_of=as_of)


def months(planned, rows, *, scenario="with_planned_features", feature="total", as_of=AS_OF):
    table = project(
        history(rows), as_of_dates=[as_of], spent=spent(rows), own_date=as_of, changes=Changes(extras=planned.extras)
    )
    return [
        row
        for row in table.to_pylist()
        if (row["target_period"], row["scenario"], row["feature_id"]) == ("month", scenario, feature)
    ]


@pytest.mark.parametrize(
    ("daily_usd", "expected_usd", "reality_usd"),
    # $7,200 a month of 30 days is $240 a day; * 2.5 * 2.5 = 6.25. What became of it, and what was quoted, from the article.
    [(Decimal(240), 45_000, 42_000), (Decimal("266.666667"), 50_000, 45_000)],
)
def test_two_plans_on_the_whole_pipeline_land_where_the_article_says(daily_usd, expected_usd, reality_usd):
    rows = daily([daily_usd] * 28, first=FIRST)
    planned = Planned(plan("digest"), plan("alerts", launch_date=date(2025, 9, 15)), costs=[("summarize", rows)])
    found = months(planned, rows)
    november = next(row for row in found if row["target_date"] == date(2025, 11, 1))  # a month of 30 days
    assert float(november["projected_cost_usd"]) == pytest.approx(expected_usd, abs=0.01)
    assert abs(expected_usd - reality_usd) / reality_usd <= 0.2


def test_each_plan_s_feature_pays_what_it_adds_and_others_pay_as_before():
    rows = daily([240] * 28, first=FIRST)
    planned = Planned(plan("digest"), plan("alerts", launch_date=date(2025, 9, 16)))
    november = {
        feature: float(months(planned, rows, feature=feature)[5]["projected_cost_usd"])
        for feature in ("chat", "digest", "alerts", "total")
    }
    # 30 days: 7,200 as is; digest 7,200 * 1.5; alerts 7,200 * 2.5 * 1.5.
    assert november == {"chat": 7200.0, "digest": 10800.0, "alerts": 27000.0, "total": 45000.0}
    september = months(planned, rows, feature="alerts")[3]
    assert september["projected_cost_usd"] == Decimal(15 * 900)  # the 16th to the 30th
    as_is = months(planned, rows, scenario="as_is")[5]
    assert as_is["projected_cost_usd"] == Decimal(7200)
    assert months(planned, rows, scenario="as_is", feature="digest") == []


def test_a_plan_begins_on_its_launch_day():
    rows = daily([240] * 28, first=FIRST)
    table = project(
        history(rows), as_of_dates=[AS_OF], spent=spent(rows), own_date=AS_OF, changes=Changes(Planned(plan()).extras)
    )
    days = {
        row["target_date"]: row["projected_cost_usd"]
        for row in table.to_pylist()
        if (row["target_period"], row["scenario"], row["feature_id"]) == ("day", "with_planned_features", "digest")
    }
    assert (days[AS_OF], days[JULY]) == (Decimal(0), Decimal(360))


def test_a_plan_adds_nothing_after_its_feature_s_last_day():
    later = plan("zed", launch_date=date(2025, 7, 2), multiplier=2.0)
    digest, zed = Planned(plan(), later, last_dates={"digest": date(2025, 7, 2)}).extras
    assert digest.path.daily_usd[:4] == pytest.approx((0, 360, 360, 0))
    assert zed.path.daily_usd[:4] == pytest.approx((0, 0, 600, 240))


def test_half_the_pipeline_at_three_adds_as_much_as_it_costs():
    # 1 + 0.5 * (3 - 1) = 2.
    extra = Planned(plan(share_ratio=0.5, multiplier=3.0)).extras[0]
    assert extra.path.daily_usd[:3] == pytest.approx((0, 240, 240))


def test_plans_of_one_day_are_in_the_order_of_their_features():
    # alerts: 240 * 1 (m 2); then digest on 480: * 1.5.
    extras = Planned(plan("digest"), plan("alerts", multiplier=2.0)).extras
    assert [extra.plan.feature_id for extra in extras] == ["alerts", "digest"]
    assert [extra.path.daily_usd[1] for extra in extras] == pytest.approx([240, 720])


def test_all_payers_of_the_pipeline_are_multiplied():
    costs = [
        ("summarize", daily([100] * 28, first=FIRST) + daily([20] * 28, feature="search", first=FIRST)),
        ("other", daily([999] * 28, first=FIRST)),
    ]
    assert Planned(plan(multiplier=2.0), costs=costs).extras[0].path.daily_usd[1] == pytest.approx(120)


def test_a_planned_feature_with_history_has_both():
    rows = daily([240] * 28, first=FIRST) + daily([10] * 28, feature="digest", first=FIRST)
    july = months(Planned(plan()), rows, feature="digest")[1]
    assert july["projected_cost_usd"] == Decimal(31 * (10 + 360))


def test_a_planned_feature_with_three_days_of_history_has_what_its_plans_add():
    rows = daily([240] * 28, first=FIRST) + daily([10] * 3, feature="digest", first=date(2025, 6, 27))
    planned = Planned(plan(), plan(pipeline="rank"), costs=[(name, rows[:28]) for name in ("summarize", "rank")])
    july = months(planned, rows, feature="digest")[1]
    assert (july["status"], july["method"], july["window_day_count"]) == ("ok", "linear_trend", 28)
    assert july["projected_cost_usd"] == Decimal(31 * 720)
    as_is, total = (months(planned, rows, scenario=name)[1] for name in ("as_is", "with_planned_features"))
    assert total["projected_cost_usd"] - as_is["projected_cost_usd"] == Decimal(31 * 720)
    assert months(planned, rows, scenario="as_is", feature="digest")[1]["status"] == "insufficient_history"


def test_a_total_without_a_figure_has_none_with_plans():
    rows = daily([240] * 3, first=date(2025, 6, 27))
    found = months(Planned(plan()), rows)[1]
    assert (found["status"], found["projected_cost_usd"]) == ("insufficient_history", None)


def test_intervals_grow_with_the_plan():
    costs = [200, 280] * 14
    rows = daily(costs, first=FIRST)
    planned = Planned(plan(), costs=[("summarize", rows)])
    as_is, with_plan = (months(planned, rows, scenario=name)[2] for name in ("as_is", "with_planned_features"))
    width = [row["high_cost_usd"] - row["low_cost_usd"] for row in (as_is, with_plan)]
    # The extra is 1.5 times the pipeline, with 1.5 times its margin; the two are added.
    assert float(width[1] / width[0]) == pytest.approx(2.5, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "more", "status"),
    [
        ({}, {}, "applied"),
        ({"launch_date": AS_OF}, {}, "applied"),
        ({"launch_date": date(2025, 6, 29)}, {}, "launch_date_passed"),
        ({"status": "cancelled"}, {}, "cancelled"),
        ({"status": "launched", "launch_date": date(2025, 6, 29)}, {}, "launched"),
        ({"status": "launched", "launch_date": AS_OF}, {}, "applied"),  # no day with it is seen yet
        ({"status": "launched", "launch_date": JULY}, {}, "launched_ahead_of_date"),
        ({"pipeline": "sumarize"}, {}, "unknown_pipeline"),
        ({"pipeline": "sumarize", "status": "launched", "launch_date": date(2025, 6, 29)}, {}, "unknown_pipeline"),
        ({"pipeline": "sumarize", "status": "launched", "launch_date": AS_OF}, {}, "unknown_pipeline"),
        ({"feature": "chat"}, {}, "reuses_itself"),
        ({}, {"last_dates": {"digest": date(2025, 6, 30)}}, "feature_retired"),
        ({}, {"last_dates": {"digest": JULY}}, "applied"),
        ({}, {"covered": 6}, "insufficient_history"),
        ({}, {"covered": 7}, "applied"),
    ],
)
def test_status_of_a_plan(changes, more, status):
    planned = Planned(plan(**changes), **more)
    assert planned.statuses == [status]
    assert len(planned.extras) == (status == "applied")


@pytest.mark.parametrize(
    ("last_day", "status"), [(date(2025, 6, 2), "applied"), (date(2025, 6, 1), "unknown_pipeline")]
)
def test_a_pipeline_without_cost_for_28_days_is_unknown(last_day, status):
    costs = [("summarize", daily([5], first=last_day))]
    assert Planned(plan(), costs=costs).statuses == [status]


def test_a_feature_that_is_not_the_only_payer_may_reuse_the_pipeline():
    rows = daily([5] * 28, first=FIRST) + daily([1], feature="search", first=date(2025, 6, 20))
    assert Planned(plan("chat"), costs=[("summarize", rows)]).statuses == ["applied"]


def test_a_launched_plan_compounds_no_more_and_counts_in_the_order():
    planned = Planned(
        plan("alerts", status="launched", launch_date=FIRST), plan("digest"), plan("zed", status="cancelled")
    )
    assert [each.order_number for each in planned.judged] == [1, 2, 0]
    assert [extra.path.daily_usd[1] for extra in planned.extras] == pytest.approx([360])


def launched(own_usd=60, *, days=28, share=0.5, **more):
    first = AS_OF - timedelta(days=days)
    rows = daily([100] * 28, first=FIRST) + daily([own_usd] * days, feature="digest", first=first)
    row = plan(status="launched", launch_date=first, share_ratio=share, multiplier=3.0)
    return Planned(row, costs=[("summarize", rows)], **more)


def test_what_a_launched_feature_pays_against_the_others_is_its_multiplier():
    # 60 of 100 a day on half of the pipeline: 1 + 0.6 / 0.5.
    found = launched().realised()
    assert (found.status, found.multiplier, found.day_count) == ("measured", pytest.approx(2.2), 28)
    assert (found.own_cost_usd, found.others_cost_usd) == (1680.0, 2800.0)


@pytest.mark.parametrize(("days", "status"), [(6, "few_days_since_launch"), (7, "measured")])
def test_seven_covered_days_since_the_launch(days, status):
    found = launched(days=days).realised()
    assert (found.status, found.day_count, found.multiplier is None) == (status, days, status != "measured")


def test_a_plan_that_has_not_launched_has_no_realised_multiplier():
    assert Planned(plan()).realised().status == "not_launched"


@pytest.mark.parametrize(
    "costs", [None, [("summarize", daily([1], first=FIRST)), ("nothing", daily([0], first=FIRST))]]
)
def test_a_launched_plan_on_a_pipeline_without_cost_says_so(costs):
    planned = Planned(plan(status="launched", launch_date=FIRST, pipeline="nothing"), costs=costs)
    assert (planned.statuses, planned.judged[0].order_number) == (["unknown_pipeline"], 0)
    found = planned.realised()
    assert (found.multiplier, found.status, found.day_count) == (None, "no_cost_since_launch", 0)


def test_a_launched_plan_on_a_pipeline_that_has_stopped_is_still_launched():
    planned = Planned(
        plan(status="launched", launch_date=date(2025, 5, 1)), costs=[("summarize", daily([5], first=date(2025, 5, 2)))]
    )
    assert planned.statuses == ["launched"]


@pytest.mark.parametrize(
    ("own_usd", "status", "multiplier"),
    [(0, "no_cost_since_launch", None), ("0.01", "measured", pytest.approx(1.0002))],
)
def test_a_launched_feature_without_cost_since_has_no_multiplier(own_usd, status, multiplier):
    found = launched(own_usd).realised()
    assert (found.status, found.multiplier, found.others_cost_usd) == (status, multiplier, 2800.0)


def before_and_after(before, *, after=190, others=60, share=1.0):
    """Measure a plan of 14 days ago: what its feature paid on the pipeline on the days before, and on each one since."""
    launch = AS_OF - timedelta(days=14)
    rows = [
        *daily(before, feature="digest", first=launch - timedelta(days=len(before))),
        *daily([after] * 14, feature="digest", first=launch),
        *daily([others] * 42, first=launch - timedelta(days=28)),
    ]
    row = plan(status="launched", launch_date=launch, share_ratio=share)
    return Planned(row, costs=[("summarize", rows)], covered=60).realised()


def test_what_the_feature_paid_before_its_launch_is_the_others_and_not_the_plan_s():
    # 40 and 60 are 100 a day; 190 - 40 = 150 came on top of it: 1 + 150 / 100.
    found = before_and_after([40] * 28)
    assert (found.status, found.multiplier) == ("measured", pytest.approx(2.5))
    assert (found.own_cost_usd, found.others_cost_usd) == (14 * 190, 14 * 60)
    assert before_and_after([40] * 28, share=0.5).multiplier == pytest.approx(4.0)


@pytest.mark.parametrize("before", [[9999] + [40] * 28, [80] * 14 + [0] * 14, [80] * 14 + [None] * 14])
def test_the_mean_of_28_days_before_the_launch_counts_days_without_cost_too(before):
    assert before_and_after(before).multiplier == pytest.approx(2.5)


def test_a_feature_alone_on_its_pipeline_is_measured_against_itself():
    # 100 a day before, 250 after.
    assert before_and_after([100] * 28, after=250, others=0).multiplier == pytest.approx(2.5)


def test_a_plan_of_the_day_of_issue_is_applied_and_the_day_after_no_more():
    row = plan(status="launched", launch_date=AS_OF)
    first = Planned(row)
    assert [extra.path.daily_usd[0] for extra in first.extras] == pytest.approx([360])
    assert first.realised().status == "few_days_since_launch"
    assert Planned(row, as_of=JULY).statuses == ["launched"]


@pytest.mark.parametrize(("payer", "status"), [("unattributed", "reuses_itself"), ("search", "applied")])
def test_cost_that_is_nobody_s_is_no_other_payer(payer, status):
    rows = daily([5] * 28, first=FIRST) + daily([1], feature=payer, first=date(2025, 6, 20))
    assert Planned(plan("chat"), costs=[("summarize", rows)]).statuses == [status]


def test_a_pipeline_that_nobody_known_pays_can_be_reused():
    rows = daily([5] * 28, feature="unattributed", first=FIRST)
    assert Planned(plan(), costs=[("summarize", rows)]).statuses == ["applied"]


def test_nothing_paid_by_others_is_no_multiplier():
    rows = daily([60] * 28, feature="digest", first=FIRST)
    planned = Planned(plan(status="launched", launch_date=FIRST), costs=[("summarize", rows)])
    assert planned.realised().status == "nothing_paid_by_others"


def test_a_later_plan_s_cost_is_not_what_an_earlier_one_is_measured_against():
    # alerts launched first: 50 of 100. digest: 75 of 150, the earlier plan's cost included.
    rows = [
        *daily([100] * 28, first=FIRST),
        *daily([50] * 28, feature="alerts", first=FIRST),
        *daily([75] * 27, feature="digest", first=FIRST + timedelta(days=1)),
    ]
    planned = Planned(
        plan("alerts", status="launched", launch_date=FIRST),
        plan("digest", status="launched", launch_date=FIRST + timedelta(days=1)),
        costs=[("summarize", rows)],
    )
    assert [planned.realised(n).multiplier for n in (0, 1)] == [1.5, 1.5]


def test_a_day_that_is_not_known_is_on_neither_side():
    rows = daily([100] * 28, first=FIRST) + daily([60] * 27, feature="digest", first=FIRST)
    rows.append((date(2025, 6, 29), "digest", 1, 10, 5))
    planned = Planned(plan(status="launched", launch_date=FIRST), costs=[("summarize", rows)])
    assert (planned.realised().day_count, planned.realised().multiplier) == (27, pytest.approx(1.6))


def test_no_multiplier_in_the_seed_is_the_default():
    one, two = read(plan("a"), plan("b", multiplier=4.0))
    assert (one.multiplier, one.is_default_multiplier) == (2.5, True)
    assert (two.multiplier, two.is_default_multiplier) == (4.0, False)
    assert isinstance(one, Plan)


def test_a_report_says_what_is_assumed_beside_what_came():
    first = AS_OF - timedelta(days=28)
    rows = daily([100] * 28, first=FIRST) + daily([60] * 28, feature="digest", first=first)
    planned = Planned(
        plan(status="launched", launch_date=first, share_ratio=0.5, multiplier=3.0),
        plan("alerts", pipeline="nothing"),
        plan("brief"),
        costs=[("summarize", rows)],
    )
    report = report_plans(planned.judged, planned.extras, planned.pipelines, as_of=AS_OF)
    assert report.schema == PLANNED_FEATURES
    digest, alerts, brief = report.to_pylist()
    assert (digest["assumed_multiplier"], digest["cost_factor"], digest["realised_multiplier"]) == (3.0, 2.0, 2.2)
    assert (digest["own_cost_usd"], digest["others_cost_usd"], digest["realised_day_count"]) == (1680, 2800, 28)
    assert (digest["plan_status"], digest["order_number"], digest["extra_cost_usd"]) == ("launched", 1, None)
    assert (alerts["plan_status"], alerts["order_number"], alerts["is_default_multiplier"]) == (
        "unknown_pipeline",
        None,
        True,
    )
    # All that the pipeline costs by now, 160 a day, times 1.5, on 31 days of December.
    assert (brief["plan_status"], brief["order_number"], brief["extra_cost_usd"]) == ("applied", 2, 31 * 240)


def test_no_plans_give_a_typed_empty_report():
    assert report_plans([], [], {}, as_of=AS_OF) == PLANNED_FEATURES.empty_table()
