"""The weekly review of the tiny marts: $19.25 in the week of June 2, $5.50 in the two days of the week of June 9."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai_finops.ui.view import Picture
from ai_finops.ui.views.week_metrics import FIVE_METRICS, WeekMetric, five_rows, most_urgent, trend_charts
from ai_finops.ui.views.weekly import weekly
from tests.ui.conftest import DIGEST

WEEK = date(2025, 6, 2)


@pytest.fixture
def see(marts, settings):
    def see(*statements, name="tiny", **chosen):
        return weekly(
            marts(name, *((DIGEST,) if name == "tiny" else ()), *statements), chosen=chosen, settings=settings
        )

    return see


def section(view, heading):
    return next(one for one in view.sections if one.heading == heading)


def test_the_newest_whole_week_is_shown_and_the_others_are_offered(see):
    view = see()
    assert [choice.value for choice in view.filters[0].choices] == ["2025-06-02", "2025-06-09"]
    assert view.filters[0].chosen == ("2025-06-02",)
    assert view.facts[0].value == Decimal("19.25")
    assert [one.heading for one in view.sections] == [
        "The five metrics",
        "The decision",
        "The message",
        "Spend",
        "What changed",
    ]


def test_a_week_so_far_says_how_many_days_it_has(see):
    view = see(week=["2025-06-09"])
    assert view.facts[0].value == Decimal("5.5")
    assert [warn.text for warn in view.warns] == ["Only 2 of the week's 7 days are covered."]


def test_each_feature_stands_beside_the_week_before(see):
    table = see(week=["2025-06-09"]).table("weekly-costs")
    # chat: two days of $2.00 after seven; search of $0.50, the rest of $0.25.
    assert table.rows == (
        ("CHAT", Decimal("4.000000"), Decimal("14.000000"), Decimal("-10.000000"), 4, "chat"),
        ("SEARCH", Decimal("1.000000"), Decimal("3.500000"), Decimal("-2.500000"), 2, "search"),
        ("UNATTRIBUTED", Decimal("0.500000"), Decimal("1.750000"), Decimal("-1.250000"), 0, "unattributed"),
    )
    assert table.note == "The two weeks cannot be compared as they are."


def test_the_first_week_has_none_before_it(see):
    table = see().table("weekly-costs")
    assert table.rows[0] == ("CHAT", Decimal("14.000000"), None, None, 14, "chat")


def test_a_feature_that_is_new_cost_nothing_the_week_before(see):
    table = see(
        "delete from fct_daily_feature_costs where feature_id = 'search' and usage_date < '2025-06-09'",
        week=["2025-06-09"],
    ).table("weekly-costs")
    assert table.rows[1][:4] == ("SEARCH", Decimal("1.000000"), Decimal(0), Decimal("1.000000"))


def test_a_cost_that_is_not_known_stays_unknown(see):
    view = see(
        "update fct_daily_feature_costs set allocated_cost_usd = null where feature_id = 'chat' and usage_date = '2025-06-03'"
    )
    assert view.table("weekly-costs").rows[-1][:2] == ("CHAT", None)
    (chart,) = section(view, "Spend").charts
    assert {one.name: one.values for one in chart.series} == {
        "SEARCH": (3.5,),
        "UNATTRIBUTED": (1.75,),
        "CHAT": (None,),
    }


def test_the_five_metrics_are_always_five_rows(see):
    table = see().table("five-metrics")
    assert [row[0] for row in table.rows] == list(FIVE_METRICS.values())
    assert {row[1] for row in table.rows} == {"not_measured"}


def metric(name, status, value=0.5, dimension="all", stake=None):
    return WeekMetric(WEEK, name, dimension, status, "rising", None, value, 0.4, "owner", "act", stake, 0.4, 0.55)


def test_of_several_slices_the_worst_status_is_shown_then_the_most_at_stake():
    slices = [
        metric("token_amplification", "healthy", dimension="a", stake=Decimal(9)),
        metric("token_amplification", "warning", dimension="b", stake=Decimal(1)),
        metric("token_amplification", "warning", dimension="c", stake=Decimal(2)),
        metric("token_amplification", "insufficient", dimension="d", stake=Decimal(99)),
    ]
    assert most_urgent(slices, week=WEEK, metric_name="token_amplification").dimension == "c"
    assert most_urgent(slices, week=WEEK, metric_name="routing_mix_call_ratio") is None


@pytest.mark.parametrize(
    ("status", "action"), [("healthy", None), ("watch", "act"), ("warning", "act"), ("insufficient", None)]
)
def test_an_action_stands_only_where_somebody_has_to_act(status, action):
    row = five_rows([metric("feature_cost_share_ratio", status)], week=WEEK).rows[0]
    made_of = "cost of the feature ÷ cost of all"
    assert row == ("Largest feature's share of cost", status, 0.5, 0.4, "rising", "owner", action, "all", made_of)


def test_each_metric_stands_in_its_own_unit():
    table = five_rows([metric(name, "healthy") for name in FIVE_METRICS], week=WEEK)
    assert table.kinds["value"] == table.kinds["previous_value"] == ("ratio", "ratio", "times", "ratio", "times")


def test_each_of_the_five_metrics_has_its_trend():
    before = [replace(metric(name, "healthy", 0.2), week_start_date=date(2025, 5, 19)) for name in FIVE_METRICS]
    routed, retrieved, *_ = (name for name in FIVE_METRICS if name.startswith("r"))
    now = [metric(name, "warning", None if name == routed else 0.5) for name in FIVE_METRICS if name != retrieved]
    charts = trend_charts([*before, *now], week=WEEK)
    assert [one.title for one in charts] == list(FIVE_METRICS.values())
    # A week between that has no row, one that is not known and one that was not measured are gaps.
    values = {one.chart_id: one.series[0].values for one in charts}
    assert {one.x for one in charts} == {(date(2025, 5, 19), date(2025, 5, 26), WEEK)}
    assert values["trend-feature-cost-share-ratio"] == (0.2, None, 0.5)
    assert values["trend-routing-mix-call-ratio"] == values["trend-retrieval-hit-document-ratio"] == (0.2, None, None)
    assert [one.label for one in charts[0].thresholds] == ["healthy below 40%", "warning above 55%"]
    assert charts[3].summary == "Retrieved documents used: not measured in the week of 2025-06-02."


def test_a_metric_that_was_never_measured_says_so_in_its_picture():
    charts = trend_charts([], week=WEEK)
    assert len(charts) == 5
    assert {one.series[0].values for one in charts} == {(None,)}
    assert charts[3].empty == "Not measured in these weeks: it takes retrieved documents."


def test_a_week_without_a_row_is_a_gap_in_the_spend(see):
    earlier = (
        "insert into fct_daily_feature_costs by name select * replace (date '2025-05-20' as usage_date) "
        "from fct_daily_feature_costs where usage_date = '2025-06-02'"
    )
    (chart,) = section(see(earlier), "Spend").charts
    assert [place.isoformat() for place in chart.x] == ["2025-05-19", "2025-05-26", "2025-06-02"]
    assert {one.name: one.values for one in chart.series}["CHAT"] == (2.0, None, 14.0)
    assert [(one.name, one.is_nobodys) for one in chart.series][-1] == ("UNATTRIBUTED", True)


def test_parts_of_the_change_are_drawn_largest_first(see):
    view = see(week=["2025-06-09"])
    (chart,) = section(view, "What changed").charts
    assert chart.x == ("chat: volume", "search: volume", "unattributed: volume")
    assert chart.series[0].values == (-10.0, -2.5, -1.25)
    assert view.table("drivers").rows[0] == ("chat", "volume", Decimal("-10.000000"), "fewer days")
    assert section(see(), "What changed").charts == ()


def test_no_recommendation_is_an_answer(see):
    view = see("update rpt_weekly_digest set recommended_opportunity_id = null")
    assert section(view, "The decision").sentences == (
        "No recommendation this week: no open saving is large enough and cleared by its evidence.",
    )


def test_a_decision_has_its_friday(see):
    view = see(
        "update rpt_weekly_digest set recommended_opportunity_id = 'o', recommended_lever = 'semantic_cache', "
        "recommended_feature_name = 'Chat', recommended_saving_usd_per_month = 40, recommended_is_measured = true"
    )
    # The week of June 2 is read on Monday the 9th; its Friday is the 13th.
    assert section(view, "The decision").sentences == (
        "Recommended: put a cache of answers before chat (est. savings: $40/month; measured).",
        "Decision needed by Friday, June 13.",
    )


def test_the_message_is_the_one_that_was_kept_with_its_picture(see, settings):
    words = section(see(), "The message").sentences
    assert words[0] == "Not written yet; from these marts it would read so."
    assert words[1].startswith("AI Cost Weekly (Week of June 2): Total: $19")
    reviews = settings.published / "reviews"
    reviews.mkdir(parents=True)
    (reviews / "2025-06-02.md").write_text("As it was kept.\n")
    (reviews / "2025-06-02.png").write_bytes(b"")
    kept = section(see(), "The message")
    assert kept.sentences == ("As it was kept.",)
    assert kept.pictures == (Picture("reviews/2025-06-02.png", "Picture of the message for the week of June 2"),)


@pytest.mark.parametrize("value", ["", "2025-06-03", "nothing", "' or 1=1"])
def test_an_unknown_week_is_the_newest(see, value):
    assert see(week=[value]).filters[0].chosen == ("2025-06-02",)


def test_marts_without_a_week_say_so(see):
    view = see(name="empty")
    assert view.sections == ()
    assert [warn.text for warn in view.warns] == [
        "The marts hold no week yet: the first one is there after seven days."
    ]
