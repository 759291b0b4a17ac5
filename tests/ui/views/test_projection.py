"""As of 2025-06-11: June is projected at $79.75 (79.25 to 80.25), of which $24.75 is spent (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.ui.page.render import _cells
from tests.ui.views.seeing import chart, fact, line, rows, see, warned

JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)

# What the plan of `digest` adds to July: $30 (10 to 50); July as it is: $100 (90 to 110).
STEPS = """
insert into fct_cost_projections by name
select
    p.* replace (
        feature as feature_id, said as scenario, 'month' as target_period, date '2025-07-01' as target_date,
        1 as month_number, null as actual_cost_usd, null as actual_status, null as missing_day_count,
        mean as projected_cost_usd, low as low_cost_usd, high as high_cost_usd, null as wape_ratio, 0 as error_origin_count
    )
from (from fct_cost_projections limit 1) as p, (values
    ('total', 'as_is', 100, 90, 110), ('total', 'with_planned_features', 130, 100, 160),
    ('total', 'with_open_decisions', 80, 70, 90), ('digest', 'with_planned_features', 30, 10, 50)
) as r(feature, said, mean, low, high)
"""


def month(view, day):
    return next(row for row in rows(view, "projection-months") if row["target_date"] == day)


def test_the_month_under_way_has_its_band_and_its_error(marts, settings):
    view = see("projection", marts("tiny"), settings)
    june = month(view, JUNE)
    assert (june["projected_cost_usd"], june["low_cost_usd"], june["high_cost_usd"]) == (
        Decimal("79.75"),
        Decimal("79.25"),
        Decimal("80.25"),
    )
    assert june["actual_cost_usd"] == Decimal("24.75")
    assert june["error_words"] == "10% over 7 days, 3 Mondays"
    assert fact(view, "Error when tested") == 0.1
    assert "Fewer than fourteen days at this level: their mean stands for every day to come." in warned(view)
    assert "What this month has cost so far lacks 1 day that nobody landed." in warned(view)


def test_an_error_that_was_not_measured_is_said_in_words(marts, settings):
    unmeasured = "update fct_cost_projections set wape_ratio = null, error_horizon = null, error_origin_count = 0"
    view = see("projection", marts("tiny", unmeasured), settings)
    assert month(view, JUNE)["error_words"] == "not yet measured"
    assert fact(view, "Error when tested") == "not yet measured"


@pytest.mark.parametrize(
    ("count", "value", "words"),
    [
        (2, "only 2 Mondays tested, too few to say", "only 2 Mondays tested, too few to say"),
        (3, 0.1, "10% over 7 days, 3 Mondays"),
    ],
)
def test_an_error_is_a_number_from_three_mondays_on(marts, settings, count, value, words):
    tested = (
        f"update fct_cost_projections set error_origin_count = {count}",
        f"update fct_projection_errors set origin_count = {count}",
        f"update rpt_budgets set error_origin_count = {count}",
    )
    view = see("projection", marts("tiny", *tested), settings)
    assert fact(view, "Error when tested") == value
    june, errors = month(view, JUNE), rows(view, "projection-errors")
    assert (june["error_words"], june["coverage_ratio"]) == (words, 0.8 if count == 3 else None)
    # Green "measured" beside "too few to say" would be two answers.
    assert {(row["wape_ratio"], row["error_words"], row["status"]) for row in errors} == (
        {(0.1, None, "measured")} if count == 3 else {(None, words, "short_history")}
    )
    drawn = chart(view, "errors-when-tested")
    assert drawn.x == (("7 days: what was projected", "7 days: linear trend") if count == 3 else ())
    assert drawn.empty == "Not enough Mondays: an error is a number from 3 tested on."
    assert rows(view, "budgets")[0]["error_words"] == words.replace("over 7 days", "to the month's end")


def test_a_band_says_which_interval_it_is(marts, settings):
    view = see("projection", marts("tiny", STEPS), settings)
    banded = [one.band for each in view.sections[:2] for drawn in each.charts for one in drawn.series if one.low]
    assert banded == ["its 80 % interval"] * 3
    assert next(each.note for each in view.facts if each.label == "June, as it is") == "$79 to $80 (80 %)"


def test_a_plan_is_a_step_that_can_be_switched(marts, settings):
    connection = marts("tiny", STEPS)
    on, off = see("projection", connection, settings), see("projection", connection, settings, plan__digest="off")
    assert [month(on, JULY)[f"with_plans_{name}cost_usd"] for name in ("low_", "", "high_")] == [100, 130, 160]
    assert month(on, JULY)["plan_cost_usd"] == 30
    assert month(on, JULY)["open_decisions_cost_usd"] == 80
    assert [month(off, JULY)[f"with_plans_{name}cost_usd"] for name in ("low_", "", "high_")] == [90, 100, 110]
    assert [series.name for series in chart(off, "projection-by-month").series] == ["Spent", "As it is", "Budget"]
    assert line(on, "projection-by-month", "With the plans that are on")[JULY] == 130
    assert fact(on, "July, with plans") == 130
    assert [each.label for each in on.filters] == ["Feature", "Plan: Digest"]
    assert [(row["feature_id"], row["is_on"]) for row in rows(on, "planned-features")] == [("digest", True)]
    assert [row["is_on"] for row in rows(off, "planned-features")] == [False]


def test_a_planned_feature_has_no_line_as_it_is(marts, settings):
    connection = marts("tiny", STEPS)
    on = see("projection", connection, settings, feature="digest")
    off = see("projection", connection, settings, feature="digest", plan__digest="off")
    assert (month(on, JULY)["projected_cost_usd"], month(on, JULY)["with_plans_cost_usd"]) == (None, 30)
    assert (month(off, JULY)["projected_cost_usd"], month(off, JULY)["with_plans_cost_usd"]) == (None, None)
    assert chart(off, "projection-by-month").summary == "Nothing is projected yet."


def test_plans_of_other_features_are_not_counted(marts, settings):
    other = (
        "insert into rpt_planned_features by name select * replace ('notes' as feature_id) "
        "from rpt_planned_features limit 1"
    )
    connection = marts("tiny", STEPS, other)

    def note(view):
        return next(each.note for each in view.facts if each.label == "July, with plans")

    assert note(see("projection", connection, settings)) == "with 2 planned features"
    assert note(see("projection", connection, settings, feature="digest")) == "with 1 planned feature"


def test_a_plan_that_is_not_applied_is_no_switch(marts, settings):
    connection = marts("tiny", STEPS, "update rpt_planned_features set plan_status = 'cancelled'")
    view = see("projection", connection, settings)
    assert [each.name for each in view.filters] == ["feature"]
    assert month(view, JULY)["with_plans_cost_usd"] == 100
    assert [row["is_on"] for row in rows(view, "planned-features")] == [None]


def test_only_the_newest_date_of_issue_is_shown(marts, settings):
    older = (
        "insert into fct_cost_projections by name select * replace (date '2025-06-10' as as_of_date, 1 as projected_cost_usd) "
        "from fct_cost_projections"
    )
    assert month(see("projection", marts("tiny", older), settings), JUNE)["projected_cost_usd"] == Decimal("79.75")


def test_without_a_figure_there_is_none(marts, settings):
    unknown = (
        "update fct_cost_projections set status = 'insufficient_history', projected_cost_usd = null, low_cost_usd = null, "
        "high_cost_usd = null"
    )
    view = see("projection", marts("tiny", unknown), settings)
    assert fact(view, "June, as it is") is None
    assert "Fewer than seven known days: there is no figure yet, and none is made up." in warned(view)


def test_a_budget_stands_beside_the_month(marts, settings):
    view = see("projection", marts("tiny"), settings)
    (found,) = [each for each in view.facts if each.label == "Budget for June"]
    assert (found.value, found.kind, found.status, found.note) == (
        50,
        "usd",
        "will_be_exceeded",
        "160% of it is projected",
    )
    (budget,) = rows(view, "budgets")
    assert (budget["budget_cost_usd"], budget["exceeded_date"]) == (50, date(2025, 6, 20))
    assert line(view, "projection-by-month", "Budget") == {JUNE: 50.0}


BUDGETS = """
insert into rpt_budgets by name
select b.* replace (
    feature as feature_id, said as status, month::date as budget_month, number as month_number, gone as exceeded_date
) from (from rpt_budgets limit 1) as b, (values
    ('chat', 'within', '2025-06-01', 0, null), ('search', 'exceeded', '2025-06-01', 0, date '2025-06-09'),
    ('chat', 'will_be_exceeded', '2025-07-01', 1, date '2025-07-20'), ('new_one', 'may_be_exceeded', '2025-06-01', 0, null)
) as r(feature, said, month, number, gone)
"""


def test_a_budget_that_is_or_will_be_exceeded_this_month_is_told_above(marts, settings):
    view = see("projection", marts("tiny", BUDGETS), settings)
    told = [each for each in view.warns if "udget" in each.text]
    assert [each.text for each in told] == [
        "Budget of SEARCH for June: exceeded on June 9, $25 is spent of $50.",
        "Budget of All features for June: will be exceeded on June 20, $80 is projected of $50.",
    ]
    assert {(each.status, each.link.href) for each in told} == {("warning", "projection#budgets")}
    # This month's first, and in it the worst; next month's, however bad, come after them.
    assert [(row["feature_id"], row["budget_month"]) for row in rows(view, "budgets")] == [
        ("search", JUNE),
        ("total", JUNE),
        ("new_one", JUNE),
        ("chat", JUNE),
        ("chat", JULY),
    ]
    of_one = see("projection", marts("tiny", STEPS, BUDGETS.replace("search", "digest")), settings, feature="digest")
    assert [each for each in warned(of_one) if "udget" in each] == [told[0].text.replace("SEARCH", "Digest")]


def test_more_budgets_than_anybody_reads_are_counted(marts, settings):
    many = (
        "insert into rpt_budgets by name select b.* replace ('f' || n as feature_id) "
        "from (from rpt_budgets limit 1) as b, range(5) as r(n)"
    )
    told = [each for each in warned(see("projection", marts("tiny", many), settings)) if "udget" in each]
    assert len(told) == 6
    assert told[-1] == "1 more budget of this month exceeded or about to be."


def test_budgets_are_drawn_beside_what_is_projected(marts, settings):
    drawn = chart(see("projection", marts("tiny", BUDGETS), settings), "projected-against-budget")
    assert drawn.title == "June: what is projected, against the budget"
    assert drawn.x == ("SEARCH", "All features", "New one", "CHAT")
    assert [(one.name, one.style, one.values[0]) for one in drawn.series] == [
        ("Projected", "bar", 79.75),
        ("Budget", "point", 50.0),
    ]
    assert (drawn.series[0].low[0], drawn.series[0].high[0]) == (79.25, 80.25)
    none = chart(see("projection", marts("tiny", "delete from rpt_budgets"), settings), "projected-against-budget")
    assert (none.x, none.empty) == ((), "No budget for this. Rows come from seed budgets.")


def test_ways_to_project_go_by_their_names(marts, settings):
    table = see("projection", marts("tiny"), settings).table("projection-errors")
    assert [[cell.text for cell in cells[:2]] for cells in _cells(table)] == [
        ["What was projected", "7 days"],
        ["Linear trend", "7 days"],
    ]
    assert [row[:2] for row in table.rows] == [("in_use", "7d"), ("linear_trend", "7d")]


@pytest.mark.parametrize("changed", ["feature_id = 'chat'", "budget_month = '2025-07-01'"])
def test_the_budget_of_another_feature_or_month_is_not_this_ones(marts, settings, changed):
    view = see("projection", marts("tiny", f"update rpt_budgets set {changed}"), settings)
    assert [each.label for each in view.facts if "udget" in each.label] == []
    assert len(rows(view, "budgets")) == 1


def test_a_month_with_an_unknown_day_is_not_summed(marts, settings):
    # The total of June 2 to 10 as its baselines have it: nine days of 2.75; in May one day is not known.
    days = (
        "insert into fct_daily_cost_baselines by name select 'total' as feature_id, d::date as usage_date, {usd} as "
        "allocated_cost_usd from range(date '2025-{first}', date '2025-{end}', interval 1 day) as r(d)"
    )
    connection = marts(
        "tiny",
        days.format(usd="if(d = '2025-05-30', null, 2.75)", first="05-30", end="06-01"),
        days.format(usd="2.75", first="04-29", end="05-01"),
        "update fct_cost_projections set target_date = '2025-06-01' where target_period = 'month'",
    )
    spent = line(see("projection", connection, settings), "projection-by-month", "Spent")
    assert spent == {date(2025, 4, 1): 5.5, date(2025, 5, 1): None, JUNE: 24.75}
