"""One metric, 0.05 between bounds of 0.5 and 0.8, in a whole week and in one of two days (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

import pytest

from ai_finops.ui.page.render import _cells
from ai_finops.ui.views.metric_words import title_of
from ai_finops.ui.views.metrics import MOST_CHARTS, chart_id
from tests.ui.views.seeing import chart, fact, line, rows, see, warned

AMPLIFICATION = "token-amplification-task-type-chat"
MORE = """
insert into fct_weekly_metrics by name
select * replace ({changes}) from fct_weekly_metrics where week_start_date = '2025-06-09' limit 1
"""


def more(**changes: str) -> str:
    return MORE.format(changes=", ".join(f"{value} as {name}" for name, value in changes.items()))


def test_a_week_has_its_value_its_parts_and_its_bounds(marts, settings):
    # 100 ÷ 2,000 a day over seven days.
    view = see("metrics", marts("tiny"), settings, week="2025-06-02")
    (row,) = rows(view, "weekly-metrics")
    assert (row["numerator"], row["denominator"], row["value"], row["sample_count"]) == (700, 14000, 0.05, 14)
    drawn = chart(view, AMPLIFICATION)
    assert [each.label for each in drawn.thresholds] == ["healthy below 0.50×", "warning above 0.80×"]
    assert drawn.summary == "0.05× on 14 samples, healthy; healthy 0.50×, warning 0.80×."
    assert drawn.subtitle == "output tokens ÷ input tokens: 700 ÷ 14,000"
    assert (fact(view, "Healthy"), fact(view, "Warning"), fact(view, "Watch")) == (1, 0, 0)
    assert warned(view) == []


def test_a_week_that_is_not_over_is_said(marts, settings):
    view = see("metrics", marts("tiny"), settings)
    assert warned(view) == [
        "The week is not complete: 2 days covered. A status is that of its days so far; there is no verdict."
    ]
    assert list(line(view, AMPLIFICATION, "Output per input token, chat tasks").values()) == [0.05, 0.05]


def test_a_week_before_is_not_shown_with_what_came_later(marts, settings):
    view = see("metrics", marts("tiny"), settings, week="2025-06-02")
    assert len(chart(view, AMPLIFICATION).x) == 1


def test_the_worst_comes_first_and_no_more_is_drawn_than_fits(marts, settings):
    connection = marts(
        "tiny",
        *(more(dimension=f"'task_type=t{number}'", status="'watch'") for number in range(MOST_CHARTS)),
        more(dimension="'task_type=bad'", status="'warning'", value="0.9"),
        more(
            metric_name="'prompt_cache_read_ratio'", status="'no_threshold'", healthy_bound="null", warning_bound="null"
        ),
    )
    view = see("metrics", connection, settings)
    assert rows(view, "weekly-metrics")[0]["dimension"] == "task_type=bad"
    drawn = [each.chart_id for each in view.sections[0].charts]
    assert len(drawn) == MOST_CHARTS
    assert drawn[0] == "token-amplification-task-type-bad"
    assert view.sections[0].sentences == ("2 more slices in the table.",)


def test_a_metric_that_is_not_known_leaves_a_gap(marts, settings):
    unknown = (
        "update fct_weekly_metrics set value = null, status = 'insufficient', sample_count = 0 "
        "where week_start_date = '2025-06-09'"
    )
    view = see("metrics", marts("tiny", unknown), settings)
    assert list(line(view, AMPLIFICATION, "Output per input token, chat tasks").values()) == [0.05, None]
    assert chart(view, AMPLIFICATION).summary == "Not known in this week: insufficient, 0 samples."
    assert fact(view, "Too little known to say") == 1


def test_axis_and_table_are_in_the_unit_of_the_metric(marts, settings):
    share = more(metric_name="'feature_cost_share_ratio'", value="0.41", numerator="4.1", denominator="10")
    view = see("metrics", marts("tiny", share), settings, week="2025-06-09")
    table = view.table("weekly-metrics")
    named = [row["metric_name"] for row in rows(view, "weekly-metrics")]
    assert named == ["feature_cost_share_ratio", "token_amplification"]
    assert {table.kinds[name] for name in ("value", "healthy_bound", "warning_bound", "previous_value")} == {
        ("ratio", "times")
    }
    assert table.kinds["numerator"] == table.kinds["denominator"] == ("usd", "number")
    assert [cells[2].text for cells in _cells(table)] == ["41.0%", "0.05×"]
    kinds = {each.title: each.kind for each in view.sections[0].charts}
    assert kinds == {"Feature's share of cost, chat tasks": "ratio", "Output per input token, chat tasks": "times"}
    assert [row["quotient"] for row in rows(view, "weekly-metrics")] == [
        "cost of the feature ÷ cost of all",
        "output tokens ÷ input tokens",
    ]


def test_what_is_to_be_acted_on_is_of_every_feature(marts, settings):
    connection = marts(
        "tiny", more(feature_id="'search'", status="'warning'"), more(feature_id="'other'", status="'healthy'")
    )
    view = see("metrics", connection, settings, feature="chat")
    assert [row["feature_id"] for row in rows(view, "metrics-to-act-on")] == ["search"]
    assert [row["feature_id"] for row in rows(view, "weekly-metrics")] == ["chat"]


def test_one_problem_of_a_feature_is_one_row_and_is_counted_once(marts, settings):
    def routed(feature, tier, status, value, **changes):
        given = {"metric_name": "'routing_mix_call_ratio'", "feature_id": f"'{feature}'", "dimension": f"'tier={tier}'"}
        return more(**given, status=f"'{status}'", value=value, **changes)

    connection = marts(
        "tiny",
        routed("chat", "cheap", "warning", "0.1"),
        routed("chat", "expensive", "warning", "0.9"),
        routed("search", "cheap", "watch", "0.3"),
        routed("search", "expensive", "healthy", "0.4"),
        routed("search", "mid", "no_threshold", "0.3", healthy_bound="null", warning_bound="null"),
        routed("new", "cheap", "insufficient", "null"),
        routed("total", "cheap", "watch", "0.2"),
        more(
            metric_name="'weekly_cost_to_projection_ratio'", feature_id="'total'", dimension="'all'", status="'watch'"
        ),
        more(feature_id="'total'"),
    )
    view = see("metrics", connection, settings, feature="total")
    told = [(row["feature_id"], row["dimension"], row["other_slices"]) for row in rows(view, "metrics-to-act-on")]
    assert told == [
        ("chat", "tier=cheap", "expensive tier 90.0%"),
        # Of all features together only what no single one says.
        ("search", "tier=cheap", None),
        ("total", "all", None),
        ("new", "tier=cheap", None),
    ]
    counts = [fact(view, label) for label in ("Warning", "Watch", "Healthy", "Too little known to say")]
    # Healthy: the output per input token of chat.
    assert counts == [1, 2, 1, 1]
    of_chat = see("metrics", connection, settings, feature="chat")
    assert [fact(of_chat, label) for label in ("Warning", "Watch", "Healthy")] == [1, 0, 1]
    assert {each.note for each in view.facts} == {"metrics of features"}
    assert {each.note for each in of_chat.facts} == {None}


def test_metrics_features_and_slices_go_by_their_names(marts, settings):
    view = see("metrics", marts("tiny", more(feature_id="'search'", status="'warning'")), settings, feature="chat")
    shown = _cells(view.table("metrics-to-act-on"))[0]
    assert [shown[place].text for place in (0, 1, 4)] == ["SEARCH", "Output per input token", "chat tasks"]
    assert view.table("metrics-to-act-on").rows[0][1] == "token_amplification"
    (choices,) = [each.choices for each in view.filters if each.name == "metric"]
    assert [(each.value, each.label) for each in choices] == [
        ("all", "All metrics"),
        ("token_amplification", "Output per input token"),
    ]


def test_a_metric_that_is_chosen_is_shown_by_day(marts, settings):
    view = see("metrics", marts("tiny"), settings, metric="token_amplification")
    assert len(rows(view, "daily-metrics")) == 9
    assert list(line(view, "token-amplification-by-day", "Output per input token, chat tasks").values()) == [0.05] * 9
    assert see("metrics", marts("tiny"), settings).table("daily-metrics") is None


@pytest.mark.parametrize(
    ("metric", "dimension", "title", "name"),
    [
        (
            "token_amplification",
            "task_type=form_filling",
            "Output per input token, form filling tasks",
            "task-type-form-filling",
        ),
        ("feature_cost_share_ratio", "all", "Feature's share of cost", "all"),
        (
            "cache_hit_ratio",
            "embedder=e similarity=0.92",
            "Queries alike to an earlier one, similarity 0.92 (e)",
            "embedder-e-similarity-0-92",
        ),
    ],
)
def test_a_slice_has_a_name_and_an_id(metric, dimension, title, name):
    assert title_of(metric, dimension) == title
    assert chart_id(metric, dimension) == f"{metric.replace('_', '-')}-{name}"
