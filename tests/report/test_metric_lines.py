"""One line a metric, the most serious first, with owner and action."""

from decimal import Decimal

import pytest

from ai_finops.report.metric_lines import metric_lines
from ai_finops.report.review import MetricRow


def row(feature_id="chat", status="watch", **changes):
    given = {
        "metric_name": "routing_mix_call_ratio",
        "feature_id": feature_id,
        "dimension": "tier=expensive",
        "status": status,
        "verdict": None,
        "owner": "platform team",
        "action": "classify a week of queries",
        "value": 0.7,
        "healthy_bound": 0.5,
        "warning_bound": 0.9,
        "healthy_lower_bound": None,
        "cost_at_stake_usd": None,
    }
    return MetricRow(**given | changes)


def test_a_metric_says_where_how_far_who_and_what():
    (line,) = metric_lines([row()], names={})
    assert line == (
        "Watch: Calls by model tier, chat, expensive tier at 70% (healthy below 50%). "
        "Platform team: classify a week of queries."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"healthy_bound": 0.5, "warning_bound": 0.2, "value": 0.3}, "at 30% (healthy above 50%)"),
        ({"healthy_bound": 0.2, "warning_bound": 0.2, "value": 0.1}, "at 10% (healthy above 20%)"),
        ({"value": 0.5004, "healthy_bound": 0.5}, "at 50% (healthy below 50%)"),
        ({"value": 0.501, "healthy_bound": 0.5}, "at 50.1% (healthy below 50%)"),
        (
            {
                "metric_name": "weekly_cost_to_projection_ratio",
                "value": 1.182,
                "healthy_bound": 1.1,
                "warning_bound": 1.2,
                "healthy_lower_bound": 0.9,
            },
            "at 1.18× (healthy from 0.90× to 1.10×)",
        ),
        (
            {"metric_name": "one_of_tomorrow", "value": 2},
            "One of tomorrow, chat, expensive tier at 2.00 (healthy below 0.50)",
        ),
        ({"dimension": "all"}, "Calls by model tier, chat at 70%"),
        ({"feature_id": "total"}, "all features, expensive tier at"),
        ({"owner": None, "action": None}, "Nobody: no action is named."),
    ],
)
def test_words_of_a_line(changes, text):
    assert text in metric_lines([row(**changes)], names={})[0]


def test_the_most_serious_slice_speaks_and_the_others_are_named():
    rows = [
        row("a", cost_at_stake_usd=Decimal(900)),
        row("b", "warning", cost_at_stake_usd=Decimal(5)),
        row("c", "warning", cost_at_stake_usd=Decimal(7)),
        row("d", "warning", verdict="worsening"),
        row("e", "warning", verdict="locked"),
        row("e", dimension="tier=cheap"),
        row("total", "warning", verdict="locked", cost_at_stake_usd=Decimal(999)),
    ]
    (line,) = metric_lines(rows, names={})
    assert line.startswith("Warning, locked: Calls by model tier, e, expensive tier at 70%")
    assert "; also d, c, b and 1 feature more. Platform" in line


def test_features_go_by_their_names_for_people():
    rows = [row("a", "warning"), row("b"), row("c")]
    (line,) = metric_lines(rows, names={"a": "Support chat", "c": "Search"})
    assert "Support chat, expensive tier at 70% (healthy below 50%); also b, Search. " in line


def test_warnings_come_before_what_is_only_watched():
    rows = [row(cost_at_stake_usd=Decimal(999)), row(status="warning", metric_name="token_amplification")]
    assert [line.split(":")[0] for line in metric_lines(rows, names={})] == ["Warning", "Watch"]


def test_another_owner_or_action_is_another_line():
    assert len(metric_lines([row(), row(owner="ML engineer"), row(action="do more")], names={})) == 3


def test_what_was_not_judged_is_one_line_at_the_end():
    rows = [row(), row(status="insufficient", metric_name="hit_of_tomorrow_ratio", value=None)]
    rows.append(row(status="insufficient", metric_name="hit_of_tomorrow_ratio", feature_id="total", value=None))
    rows.append(row(status="insufficient", metric_name="retrieval_hit_document_ratio", value=None))
    assert metric_lines(rows, names={})[1:] == [
        "Not judged, too few samples: hit of tomorrow, retrieved documents used"
    ]


def test_nothing_that_is_not_healthy_is_no_line():
    assert metric_lines([], names={}) == []
