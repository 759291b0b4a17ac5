"""One metric, 0.05 between bounds of 0.5 and 0.8, in a whole week and in one of two days (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

import pytest

from ai_finops.ui.page.render import _cells
from ai_finops.ui.views.metrics import MOST_CHARTS, chart_id, title_of
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
    assert list(line(view, AMPLIFICATION, "Token amplification, chat").values()) == [0.05, 0.05]


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
    assert list(line(view, AMPLIFICATION, "Token amplification, chat").values()) == [0.05, None]
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
    assert kinds == {"Feature cost share, chat": "ratio", "Token amplification, chat": "times"}
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


def test_a_metric_that_is_chosen_is_shown_by_day(marts, settings):
    view = see("metrics", marts("tiny"), settings, metric="token_amplification")
    assert len(rows(view, "daily-metrics")) == 9
    assert list(line(view, "token-amplification-by-day", "Token amplification, chat").values()) == [0.05] * 9
    assert see("metrics", marts("tiny"), settings).table("daily-metrics") is None


@pytest.mark.parametrize(
    ("metric", "dimension", "title", "name"),
    [
        (
            "token_amplification",
            "task_type=form_filling",
            "Token amplification, form_filling",
            "task-type-form-filling",
        ),
        ("feature_cost_share_ratio", "all", "Feature cost share", "all"),
        ("cache_hit_ratio", "embedder=e similarity=0.92", "Cache hit, e, 0.92", "embedder-e-similarity-0-92"),
    ],
)
def test_a_slice_has_a_name_and_an_id(metric, dimension, title, name):
    assert title_of(metric, dimension) == title
    assert chart_id(metric, dimension) == f"{metric.replace('_', '-')}-{name}"
