"""The weekly review of the tiny marts: $19.25 in the week of June 2, $5.50 in the two days of the week of June 9."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from ai_finops.metric_units import name_of, value_words
from ai_finops.report.metric_lines import metric_lines
from ai_finops.ui.downloads import write_download
from ai_finops.ui.page.render import _cells
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
    assert [warn.text for warn in view.warns] == [
        "Budget of All features for June: will be exceeded on June 20, $80 is projected of $50.",
        "Only 2 of the week's 7 days are covered.",
    ]


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
    assert tuple(row[0] for row in table.rows) == FIVE_METRICS
    # The tiny marts measure one metric, of one feature.
    assert [row[1] for row in table.rows] == ["not_measured"] * 2 + ["healthy"] + ["not_measured"] * 2
    assert [row[3] for row in table.rows] == [None, None, "chat", None, None]


def metric(name, status, value=0.5, dimension="all", stake=None, feature="total"):
    return WeekMetric(
        WEEK, name, feature, dimension, status, "rising", None, value, 0.4, "owner", "act", stake, 0.4, 0.55
    )


def test_of_several_slices_the_worst_status_is_shown_then_the_most_at_stake():
    slices = [
        metric("token_amplification", "healthy", dimension="a", stake=Decimal(9)),
        metric("token_amplification", "warning", dimension="b", stake=Decimal(1)),
        metric("token_amplification", "warning", dimension="c", stake=Decimal(2)),
        metric("token_amplification", "insufficient", dimension="d", stake=Decimal(99)),
    ]
    assert most_urgent(slices, week=WEEK, metric_name="token_amplification").dimension == "c"
    assert most_urgent(slices, week=WEEK, metric_name="routing_mix_call_ratio") is None


def test_features_speak_before_all_of_them_together():
    routed = "routing_mix_call_ratio"
    slices = [
        metric(routed, "warning", dimension="tier=cheap", stake=Decimal(9)),
        metric(routed, "watch", dimension="tier=cheap", feature="chat"),
        metric(routed, "healthy", dimension="tier=cheap", feature="search"),
        metric("token_amplification", "healthy", dimension="task_type=chat", feature="chat", stake=Decimal(9)),
        metric("token_amplification", "healthy", dimension="task_type=chat"),
        metric("feature_cost_share_ratio", "healthy", 0.3),
        metric("feature_cost_share_ratio", "healthy", 0.2, feature="chat"),
        metric("feature_cost_share_ratio", "healthy", 0.3, feature="search"),
    ]

    def shown(name, among=slices):
        found = most_urgent(among, week=WEEK, metric_name=name)
        return found.feature_id, found.status

    assert shown(routed) == ("chat", "watch")
    assert shown(routed, [slices[0], slices[2]]) == ("total", "warning")
    # Where nobody has to act, it is all of them together; of the shares it is the largest, by name.
    assert shown("token_amplification") == ("total", "healthy")
    assert shown("feature_cost_share_ratio") == ("search", "healthy")


def test_a_row_and_the_message_s_line_say_the_same_of_any_week():
    random, names = Random(0), {"total": "all features"}
    for _ in range(200):
        week = [
            replace(
                metric(
                    name,
                    random.choice(["warning", "watch", "healthy", "insufficient", "no_threshold"]),
                    random.randint(0, 100) / 100,
                    dimension,
                    random.choice([None, Decimal(1), Decimal(2)]),
                    feature,
                ),
                verdict=random.choice([None, "locked", "worsening", "steady"]),
                action=random.choice(["act", "do more"]),
            )
            for name in FIVE_METRICS
            for feature in random.sample(["total", "a", "b", "c"], 3)
            for dimension in random.sample(["tier=cheap", "tier=expensive", "all"], 2)
        ]
        lines = metric_lines(week, names=names)
        for name, status, value, feature, *_ in five_rows(week, week=WEEK, names=names).rows:
            first = next((line for line in lines if f": {name_of(name)}, " in line), None)
            if first is None:
                assert status not in ("warning", "watch")
                continue
            assert first.lower().startswith(status)
            assert f": {name_of(name)}, {names.get(feature, feature)}" in first
            assert f" at {value_words(name, value)} " in first


def test_the_rows_and_the_message_of_a_page_say_the_same(see):
    row = (
        "insert into fct_weekly_metrics by name select * replace ('routing_mix_call_ratio' as metric_name, '{}' as feature_id, "
        "'tier={}' as dimension, '{}' as status, {} as value, 0.5 as healthy_bound, {} as warning_bound) "
        "from fct_weekly_metrics where week_start_date = '2025-06-02' limit 1"
    )
    view = see(
        row.format("total", "cheap", "watch", 0.437, 0.2),
        row.format("chat", "cheap", "warning", 0, 0.2),
        row.format("chat", "expensive", "warning", 1, 0.9),
        row.format("search", "cheap", "warning", 0, 0.2),
    )
    table = view.table("five-metrics")
    cells = dict(zip([one.label for one in table.columns], _cells(table)[1], strict=True))
    assert [cells[label].text for label in ("Metric", "Status", "Week", "Where", "Slice")] == [
        "Calls by model tier",
        "warning",
        "0.0%",
        "CHAT",
        "cheap tier",
    ]
    assert (
        "Warning: Calls by model tier, CHAT, cheap tier at 0% (healthy above 50%); also SEARCH. "
        in (section(view, "The message").sentences[1])
    )
    trend = section(view, "The five metrics").charts[1]
    assert (trend.title, trend.subtitle) == ("Calls by model tier, cheap tier", "CHAT")
    assert trend.series[0].values == (0.0,)


@pytest.mark.parametrize(
    ("status", "action"), [("healthy", None), ("watch", "act"), ("warning", "act"), ("insufficient", None)]
)
def test_an_action_stands_only_where_somebody_has_to_act(status, action):
    row = five_rows([metric("feature_cost_share_ratio", status)], week=WEEK, names={}).rows[0]
    made_of = "cost of the feature ÷ cost of all"
    assert row == ("feature_cost_share_ratio", status, 0.5, "total", "all", 0.4, "rising", "owner", action, made_of)


def test_each_metric_stands_in_its_own_unit():
    table = five_rows([metric(name, "healthy") for name in FIVE_METRICS], week=WEEK, names={})
    assert table.kinds["value"] == table.kinds["previous_value"] == ("ratio", "ratio", "times", "ratio", "times")


def test_each_of_the_five_metrics_has_its_trend():
    before = [replace(metric(name, "healthy", 0.2), week_start_date=date(2025, 5, 19)) for name in FIVE_METRICS]
    routed, retrieved, *_ = (name for name in FIVE_METRICS if name.startswith("r"))
    now = [metric(name, "warning", None if name == routed else 0.5) for name in FIVE_METRICS if name != retrieved]
    charts = trend_charts([*before, *now], week=WEEK, names={"total": "All features"})
    assert [one.title for one in charts] == [name_of(name) for name in FIVE_METRICS]
    assert {one.subtitle for one in charts} == {"All features"}
    # A week between that has no row, one that is not known and one that was not measured are gaps.
    values = {one.chart_id: one.series[0].values for one in charts}
    assert {one.x for one in charts} == {(date(2025, 5, 19), date(2025, 5, 26), WEEK)}
    assert values["trend-feature-cost-share-ratio"] == (0.2, None, 0.5)
    assert values["trend-routing-mix-call-ratio"] == values["trend-retrieval-hit-document-ratio"] == (0.2, None, None)
    assert [one.label for one in charts[0].thresholds] == ["healthy below 40%", "warning above 55%"]
    assert charts[3].summary == "Retrieved documents used: not measured in the week of 2025-06-02."


def test_a_metric_that_was_never_measured_says_so_in_its_picture():
    charts = trend_charts([], week=WEEK, names={})
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
    assert chart.x == ("CHAT: volume", "SEARCH: volume", "UNATTRIBUTED: volume")
    assert chart.series[0].values == (-10.0, -2.5, -1.25)
    assert view.table("drivers").rows[0] == ("chat", "volume", Decimal("-10.000000"), "fewer days")
    assert section(see(), "What changed").charts == ()


def test_what_is_drawn_in_words_is_downloaded_as_the_marts_have_it(see):
    named = (
        "update fct_cost_drivers set driver = 'new_caller'",
        "update fct_savings_opportunities set lever = 'routing_by_task_type', status = 'open'",
    )
    view = see(*named, week=["2025-06-09"])
    drivers, savings = view.table("drivers"), view.table("open-savings")
    assert [cell.text for cell in _cells(drivers)[0][:2]] == ["CHAT", "New caller"]
    assert _cells(savings)[0][3].text == "Routing by task type"
    assert savings.rows[0][3] == "routing_by_task_type"
    assert write_download(drivers, ending="csv").content.decode().splitlines()[1].startswith("chat,new_caller,")


@pytest.mark.parametrize(("week", "count"), [("2025-06-09", 1), ("2025-06-02", 1), ("2025-05-26", 0)])
def test_a_budget_of_this_month_is_not_told_beside_a_week_of_the_past(see, week, count):
    older = (
        "insert into rpt_weekly_digest by name select * replace (date '2025-05-26' as week_start_date) "
        "from rpt_weekly_digest where week_start_date = '2025-06-02'"
    )
    view = see(older, week=[week])
    assert view.filters[0].chosen == (week,)
    assert sum("Budget of" in warn.text for warn in view.warns) == count


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
