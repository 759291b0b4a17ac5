"""One opportunity of $40 a month (30 to 50), and a decision that saved $6 in a week (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.ui.views.seeing import chart, fact, line, rows, see, warned

MORE = "insert into fct_savings_opportunities by name select * replace ({}) from fct_savings_opportunities limit 1"


def more(**changes: str) -> str:
    return MORE.format(", ".join(f"{value} as {name}" for name, value in changes.items()))


def test_an_opportunity_has_its_saving_and_both_ends(marts, settings):
    view = see("savings", marts("tiny"), settings)
    drawn = chart(view, "savings-by-rank")
    assert drawn.x == ("1. routing · CHAT",)
    (bars,) = drawn.series
    assert (bars.values, bars.low, bars.high) == ((40.0,), (30.0,), (50.0,))
    assert fact(view, "The first to do saves") == 40
    (row,) = rows(view, "savings-opportunities")
    assert (row["evidence"], row["missing_evidence"], row["is_measured"]) == ("same tokens", "no comparison", False)
    assert warned(view) == []


def test_open_and_rejected_are_told_apart_and_stay_in_the_order_of_rank(marts, settings):
    rejected = more(
        opportunity_id="'o2'",
        lever="'semantic_cache'",
        target_model_id="null",
        status="'rejected'",
        rank="2",
        saving_usd_per_month="60",
        low_saving_usd_per_month="null",
        high_saving_usd_per_month="null",
    )
    nothing = more(opportunity_id="'o3'", status="'rejected'", rank="3", saving_usd_per_month="0")
    connection = marts("tiny", rejected, nothing)
    view = see("savings", connection, settings)
    assert chart(view, "savings-by-rank").x == ("1. routing · CHAT", "2. cache · CHAT")
    assert list(line(view, "savings-by-rank", "Open").values()) == [40.0, None]
    assert list(line(view, "savings-by-rank", "Rejected").values()) == [None, 60.0]
    assert [row["opportunity_id"] for row in rows(view, "savings-opportunities")] == ["o1", "o2", "o3"]
    only_open = see("savings", connection, settings, status="open")
    assert [row["opportunity_id"] for row in rows(only_open, "savings-opportunities")] == ["o1"]


def test_a_rejected_one_is_grey_and_an_open_one_is_not(marts, settings):
    connection = marts("tiny", more(opportunity_id="'o2'", status="'rejected'", rank="2"))
    drawn = chart(see("savings", connection, settings), "savings-by-rank")
    assert [(one.name, one.is_muted) for one in drawn.series] == [("Open", False), ("Rejected", True)]


def test_bars_that_would_be_called_the_same_say_which_model_they_lead_to(marts, settings):
    statements = (
        "update fct_savings_opportunities set target_model_id = 'anthropic.claude-3-haiku-20240307-v1:0'",
        more(opportunity_id="'o2'", rank="2", target_model_id="'amazon.nova-micro-v1:0'"),
        more(opportunity_id="'o3'", rank="3", feature_id="'search'"),
    )
    labels = chart(see("savings", marts("tiny", *statements), settings), "savings-by-rank").x
    assert labels == ("1. routing · CHAT to Claude 3 Haiku", "2. routing · CHAT to Nova Micro", "3. routing · SEARCH")


def test_facts_are_of_what_the_filters_leave(marts, settings):
    # Of chat $40 and $25 are open and may be on the same calls; of search $7. One of chat is rejected.
    connection = marts(
        "tiny",
        more(opportunity_id="'o2'", rank="2", saving_usd_per_month="25"),
        more(opportunity_id="'o3'", rank="3", saving_usd_per_month="7", feature_id="'search'"),
        more(opportunity_id="'o4'", rank="4", status="'rejected'"),
    )

    def facts(**chosen):
        view = see("savings", connection, settings, **chosen)
        return {each.label: (each.value, each.note) for each in view.facts if each.label != "Decisions save"}

    assert facts()["Open opportunities"] == (3, "and 1 rejected one")
    assert facts()["The first of each feature save"][0] == 47
    assert facts(feature="search")["Open opportunities"] == (1, "and 0 rejected ones")
    assert facts(feature="search")["The first to do saves"][0] == 7
    assert "The first of each feature save" not in facts(feature="search")
    assert facts(status="open")["Open opportunities"] == (3, None)
    assert facts(status="rejected") == {"Rejected opportunities": (1, None)}


def test_only_the_newest_date_of_issue_is_shown(marts, settings):
    older = more(as_of_date="date '2025-06-10'", opportunity_id="'old'", rank="1")
    (row,) = rows(see("savings", marts("tiny", older), settings), "savings-opportunities")
    assert row["opportunity_id"] == "o1"


def test_a_saving_that_is_not_known_has_no_bar(marts, settings):
    unknown = "update fct_savings_opportunities set saving_usd_per_month = null"
    view = see("savings", marts("tiny", unknown), settings)
    assert chart(view, "savings-by-rank").x == ()
    assert fact(view, "The first to do saves") is None
    assert len(rows(view, "savings-opportunities")) == 1


def test_a_decision_shows_what_came_of_it_by_week(marts, settings):
    view = see("savings", marts("tiny"), settings)
    assert fact(view, "Decisions save") == Decimal("26.071429")
    assert line(view, "realised-savings", "d1") == {date(2025, 6, 2): 6.0}
    assert [row["realised_saving_usd"] for row in rows(view, "decision-results")] == [6, None]


def test_only_the_newest_measured_week_of_a_decision_counts(marts, settings):
    later = (
        "insert into fct_decision_results by name select * replace (date '2025-06-09' as week_start_date, "
        "10 as realised_saving_usd_per_month) from fct_decision_results where status = 'measured'"
    )
    assert fact(see("savings", marts("tiny", later), settings), "Decisions save") == 10


def test_a_decision_that_made_it_dearer_is_said(marts, settings):
    dearer = "update fct_decision_results set realised_saving_usd = -1 where status = 'measured'"
    view = see("savings", marts("tiny", dearer), settings)
    assert warned(view) == ["In some weeks these decisions cost more than they saved: d1."]
    assert line(view, "realised-savings", "d1") == {date(2025, 6, 2): -1.0}


def test_a_sprint_that_ended_without_a_decision_is_said(marts, settings):
    # The newest sprint, from June 2 on, is not over; the one before ended on June 1.
    without = "update rpt_sprints set is_without_decision = true, decision_count = 0 where is_finished"
    view = see("savings", marts("tiny", without), settings)
    assert warned(view) == ["No saving was decided on in the sprint from May 19 to June 1."]


def test_the_advisor_says_what_is_recommended(marts, settings):
    view = see("savings", marts("tiny"), settings)
    assert chart(view, "advised-strategies").summary == "For no feature a change is recommended."
    assert rows(view, "caching-vs-distillation")[0]["strategy"] == "keep_as_is"
    cache = (
        "update rpt_caching_vs_distillation set is_recommended = strategy = 'semantic_cache', "
        "saving_usd_per_month = if(strategy = 'semantic_cache', 12, 0)"
    )
    advised = see("savings", marts("tiny", cache), settings)
    assert chart(advised, "advised-strategies").summary == "A change is recommended for CHAT."
    assert line(advised, "advised-strategies", "Saving a month") == {"cache · CHAT": 12.0}


def test_the_rollout_counts_what_is_done(marts, settings):
    view = see("savings", marts("tiny"), settings)
    assert view.sections[-1].sentences == ("1 of 2 steps done.",)


def test_a_step_is_measured_in_its_own_unit(marts, settings):
    table = see("savings", marts("tiny"), settings).table("rollout-readiness")
    assert [row[2] for row in table.rows] == ["attributed_cost_ratio", "shipped_decision_count"]
    assert table.kinds == {"value": ("ratio", "count"), "target": ("ratio", "count")}


def test_what_would_cost_more_has_no_bar(marts, settings):
    dearer = more(opportunity_id="'o2'", status="'rejected'", rank="2", saving_usd_per_month="-5")
    assert chart(see("savings", marts("tiny", dearer), settings), "savings-by-rank").x == ("1. routing · CHAT",)
