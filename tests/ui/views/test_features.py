"""Feature cost of the tiny marts: nine days of chat $2.00, search $0.50 and $0.25 that nobody traced."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.ui.views.features import features


@pytest.fixture
def see(marts, settings):
    def see(*statements, name="tiny", **chosen):
        return features(marts(name, *statements), chosen=chosen, settings=settings)

    return see


def test_all_days_by_feature(see):
    view = see()
    assert [fact.value for fact in view.facts] == [Decimal("24.750000"), Decimal("18.000000"), Decimal("2.250000"), 0]
    # 18 of 24.75 is 72.7 %, 2.25 is 9.1 %.
    assert [fact.note for fact in view.facts[:3]] == [None, "73% of these days", "9%"]
    assert view.table("period-costs").rows[0] == (
        "chat", Decimal("18.000000"), pytest.approx(18 / 24.75), 18, Decimal("1.000000")
    )  # fmt: skip
    newest, *_ = view.table("daily-costs").rows
    assert newest[:2] == ("UNATTRIBUTED", date(2025, 6, 10))
    assert len(view.table("daily-costs").rows) == 27


def test_the_picture_has_a_colour_for_each_feature_and_a_place_for_each_day(see):
    chart = see().sections[0].charts[0]
    assert (len(chart.x), chart.x[0], chart.x[-1]) == (9, date(2025, 6, 2), date(2025, 6, 10))
    assert [(one.name, one.values[0]) for one in chart.series] == [
        ("CHAT", 2.0),
        ("SEARCH", 0.5),
        ("UNATTRIBUTED", 0.25),
    ]
    assert chart.is_stacked
    assert [one.is_nobodys for one in chart.series] == [False, False, True]


@pytest.mark.parametrize(
    ("level", "nobody"), [("feature", "unattributed"), ("pipeline", "unknown"), ("service", "unknown")]
)
def test_what_is_nobodys_stands_on_top_in_its_own_colour_however_large(see, level, nobody):
    mart, key = {
        "feature": ("fct_daily_feature_costs", "feature_id"),
        "pipeline": ("rpt_daily_pipeline_costs", "pipeline_id"),
        "service": ("rpt_daily_service_costs", "service_name"),
    }[level]
    chart = (
        see(f"update {mart} set allocated_cost_usd = 99 where {key} = '{nobody}'", level=[level]).sections[0].charts[0]
    )
    assert [one.is_nobodys for one in chart.series][-1] is True
    assert sum(one.is_nobodys for one in chart.series) == 1
    assert chart.series[-1].values[0] == 99.0


def test_a_day_without_any_row_is_a_gap_and_one_without_calls_of_a_feature_is_nothing(see):
    chart = (
        see(
            "delete from fct_daily_feature_costs where usage_date = '2025-06-04'",
            "delete from fct_daily_feature_costs where usage_date = '2025-06-05' and feature_id = 'search'",
        )
        .sections[0]
        .charts[0]
    )
    assert chart.series[0].values[2:4] == (None, 2.0)
    assert chart.series[1].values[2:4] == (None, 0.0)


def test_a_cost_that_is_not_known_makes_its_sums_unknown(see):
    view = see(
        "update fct_daily_feature_costs set allocated_cost_usd = null where feature_id = 'search' and usage_date = '2025-06-05'"
    )
    assert view.facts[0].value is None
    assert view.table("period-costs").rows[-1] == ("search", None, None, 9, None)
    named = {one.name: one.values[3] for one in view.sections[0].charts[0].series}
    assert named == {"CHAT": 2.0, "SEARCH": None, "UNATTRIBUTED": 0.25}


@pytest.mark.parametrize(("days", "count"), [("7", 7), ("28", 9), ("all", 9), ("2025-06", 9), ("2025-05", 9), ("x", 9)])
def test_days_are_those_chosen(see, days, count):
    assert len(see(days=[days]).sections[0].charts[0].x) == count


def test_months_are_cut_at_their_ends(see):
    view = see(
        "insert into fct_daily_feature_costs by name select 'chat' as feature_id, date '2025-05-31' as usage_date, "
        "7 as allocated_cost_usd, 1 as request_count, 0 as unknown_cost_call_count, 'billed' as cost_status",
        days=["2025-05"],
    )
    assert view.sections[0].charts[0].x == (date(2025, 5, 31),)
    assert view.facts[0].value == Decimal("7.000000")
    assert [choice.value for choice in view.filters[1].choices][-3:] == ["2025-06", "2025-05", "all"]


BY_FEATURE = """insert into {mart} by name
select 'chat' as feature_id, {columns} 'usage' as charge_category, 'billed' as cost_status, 3 as allocated_cost_usd,
2 as request_count, 0 as unknown_cost_call_count, date '2025-06-10' as usage_date"""


@pytest.mark.parametrize("level", ["feature", "pipeline", "service", "api"])
def test_features_are_kept_as_chosen_at_every_level(see, level):
    statements = (
        "delete from fct_daily_allocated_costs",
        BY_FEATURE.format(
            mart="fct_daily_allocated_costs", columns="'p' as pipeline_id, 's' as service_name, 'm' as model_id,"
        ),
        "delete from rpt_daily_pipeline_costs",
        BY_FEATURE.format(mart="rpt_daily_pipeline_costs", columns="'p' as pipeline_id,").replace(
            "'usage' as charge_category, ", ""
        ),
    )
    view = see(*statements, level=[level], feature=["chat", "no such"], days=["7"])
    assert view.filters[2].chosen == ("chat",)
    # Of features: seven days of $2.00. Of the others: the one row of $3.00.
    assert view.facts[0].value == (Decimal("14.000000") if level == "feature" else Decimal("3.000000"))


def test_a_share_is_of_all_features_whichever_are_kept(see):
    # 2.25 of 24.75 is 9.1 %, 18 of it 72.7 %; of the two that are kept it would be 11 % and 89 %.
    view = see(feature=["chat", "unattributed"])
    assert [fact.value for fact in view.facts[:3]] == [Decimal("20.25"), Decimal("18"), Decimal("2.25")]
    assert [fact.note for fact in view.facts[:3]] == ["82% of all features", "73% of these days", "9%"]
    shares = {row[0]: row[2] for row in view.table("period-costs").rows}
    assert shares == {"chat": pytest.approx(18 / 24.75), "unattributed": pytest.approx(2.25 / 24.75)}


@pytest.mark.parametrize("level", ["service", "api"])
def test_a_share_is_of_all_features_where_the_level_has_none(see, level):
    # Of one day $3.00 are of chat and $9.00 of search; tax is of nobody.
    of_search = BY_FEATURE.replace("3 as allocated_cost_usd", "9 as allocated_cost_usd").replace("'chat'", "'search'")
    statements = [
        text.format(mart="fct_daily_allocated_costs", columns="'s' as service_name, 'm' as model_id,")
        for text in (BY_FEATURE, of_search, of_search.replace("'usage'", "'tax'"))
    ]
    view = see("delete from fct_daily_allocated_costs", *statements, level=[level], feature=["chat"])
    assert view.facts[0].note == "25% of all features"
    assert [row[2] for row in view.table("period-costs").rows] == [pytest.approx(0.25)]


def test_a_share_of_a_sum_that_is_not_known_is_not_known(see):
    unknown = "update fct_daily_feature_costs set allocated_cost_usd = null where feature_id = 'search'"
    view = see(unknown, feature=["chat"])
    assert (view.facts[0].value, view.facts[0].note) == (Decimal("18"), None)
    assert [row[2] for row in view.table("period-costs").rows] == [None]


def test_a_day_without_calls_of_the_one_feature_kept_cost_nothing(see):
    statements = (
        "delete from fct_daily_feature_costs where usage_date = '2025-06-04'",
        "delete from fct_daily_feature_costs where usage_date = '2025-06-05' and feature_id = 'search'",
    )
    (drawn,) = see(*statements, feature=["search"]).sections[0].charts[0].series
    assert drawn.values[1:4] == (0.5, None, 0.0)


CHARGE = """insert into rpt_daily_api_costs by name
select 'm' as model_id, '{category}' as charge_category, {cost} as allocated_cost_usd, 1 as request_count,
0 as unknown_cost_call_count, 'billed' as cost_status, date '2025-06-10' as usage_date"""


def test_other_charges_are_no_cost_of_an_api(see):
    rows = [CHARGE.format(category=category, cost=cost) for category, cost in (("usage", 5), ("tax", 40))]
    assert see("delete from rpt_daily_api_costs", *rows, level=["api"]).facts[0].value == Decimal("5.000000")


def test_shares_of_users_stand_beside_those_of_cost(see):
    view = see(days=["7"])
    chart = view.sections[2].charts[0]
    assert chart.title.endswith("June 2025")
    assert chart.subtitle.startswith("The whole month")
    assert [one.name for one in chart.series] == ["of cost", "of requests", "of users"]
    assert len(chart.x) == 2
    assert [row[-1] for row in view.table("feature-value").rows] == ["chat", "search", "unattributed"]


def test_marts_without_a_day_are_shown_as_such(see):
    view = see(name="empty")
    assert [fact.value for fact in view.facts] == [None, 0]
    assert all(table.rows == () for section in view.sections for table in section.tables)


def test_a_table_calls_its_rows_as_the_picture_does_and_a_download_has_the_ids(see):
    named = "display_name = null, feature_id = 'new_one' where feature_id = 'search'"
    table = see(f"update fct_daily_feature_costs set {named}").table("period-costs")
    assert [row[0] for row in table.rows] == ["chat", "new_one", "unattributed"]
    assert table.columns[0].kind == "name"
    assert table.names["feature_id"] == {"chat": "CHAT", "new_one": "New one", "unattributed": "UNATTRIBUTED"}
    model = "update rpt_daily_api_costs set model_id = 'anthropic.claude-3-haiku-20240307-v1:0'"
    view = see(model, level=["api"])
    assert view.sections[1].charts[0].x == ("Claude 3 Haiku",)
    for name in ("daily-costs", "period-costs"):
        table = view.table(name)
        assert table.names["model_id"][table.rows[0][0]] == "Claude 3 Haiku"


def test_one_model_by_two_ids_is_told_apart_by_them(see):
    ids = ("anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-3-haiku-20240307-v1:0")
    rows = [CHARGE.format(category="usage", cost=5).replace("'m'", f"'{model}'") for model in ids]
    chart = see("delete from rpt_daily_api_costs", *rows, level=["api"]).sections[1].charts[0]
    assert chart.x == ids
