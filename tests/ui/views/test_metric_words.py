"""Units, quotients and bounds of metrics in words."""

from __future__ import annotations

import re

import pytest

from ai_finops.config import REPOSITORY
from ai_finops.metric_units import METRICS, kind_of
from ai_finops.ui.view import Threshold
from ai_finops.ui.views.metric_words import quotient, thresholds
from ai_finops.ui.views.week_metrics import FIVE_METRICS


def test_every_metric_that_is_documented_has_its_quotient():
    table = (REPOSITORY / "docs" / "metrics.md").read_text().split("## Status")[0]
    named = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert named == set(METRICS)
    assert set(FIVE_METRICS) <= named


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("routing_mix_call_ratio", "ratio"),
        ("feature_cost_share_ratio", "ratio"),
        ("token_amplification", "times"),
        ("weekly_cost_to_projection_ratio", "times"),
        ("no_such_ratio", "number"),
    ],
)
def test_shares_are_in_per_cent_and_quotients_are_not(metric, kind):
    assert kind_of(metric) == kind


@pytest.mark.parametrize(
    ("metric", "numerator", "denominator", "words"),
    [
        ("token_amplification", 700.0, 14000.0, "output tokens ÷ input tokens: 700 ÷ 14,000"),
        ("feature_cost_share_ratio", 159.4, 386.0, "cost of the feature ÷ cost of all: $159 ÷ $386"),
        ("feature_cost_share_ratio", None, 386.0, "cost of the feature ÷ cost of all"),
        ("of_no_entry", 1.0, 2.0, "1 ÷ 2"),
    ],
)
def test_a_value_says_what_it_is_made_of(metric, numerator, denominator, words):
    assert quotient({"metric_name": metric, "numerator": numerator, "denominator": denominator}) == words


def test_bounds_say_their_side_and_their_value():
    assert thresholds("token_amplification", healthy=0.5, warning=0.8) == (
        Threshold("healthy below 0.50×", 0.5, "healthy"),
        Threshold("warning above 0.80×", 0.8, "warning"),
    )
    assert thresholds("retrieval_hit_document_ratio", healthy=0.55, warning=0.455) == (
        Threshold("healthy above 55%", 0.55, "healthy"),
        Threshold("warning below 45.5%", 0.455, "warning"),
    )
    assert [
        one.label for one in thresholds("weekly_cost_to_projection_ratio", healthy=1.1, warning=1.2, least=0.9)
    ] == [
        "healthy above 0.90×",
        "healthy below 1.10×",
        "warning above 1.20×",
    ]


def test_bounds_that_are_one_are_one_line():
    assert thresholds("reranker_change_ratio", healthy=0.2, warning=0.2) == (
        Threshold("healthy above 20%, else warning", 0.2, "warning"),
    )
    assert thresholds("reranker_change_ratio", healthy=None, warning=None) == ()
