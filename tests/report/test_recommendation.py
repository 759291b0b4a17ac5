"""The sentence of each lever, word for word."""

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.analyse.levers.opportunity import LEVERS
from ai_finops.report.recommendation import _ACTIONS, recommend

SENTENCES = {
    "routing_by_task_type": "route batch summarization to Claude 3.5 Haiku",
    "confidence_cascade": "let Claude 3.5 Haiku answer batch summarization first, and Claude Sonnet 4 where it is not sure",
    "semantic_cache": "put a cache of answers before batch summarization",
    "prompt_cache": "mark what the prompts of batch summarization share for the prompt cache of Claude Sonnet 4",
    "distillation": "distil batch summarization into a small model",
    "cache_and_distillation": (
        "cache the most frequent queries of batch summarization and distil the next into a small model"
    ),
    "batch_or_flex": "move batch summarization to a batch or flex tier",
    "unused_context": "retrieve less for batch summarization",
    "redundant_reranker": "take the reranker out of batch summarization",
    "verbose_output": "ask for shorter answers in batch summarization",
}


def first(digest):
    return next(recommend(digest))


@pytest.mark.parametrize("lever", LEVERS)
def test_each_lever_has_its_sentence(week, lever):
    digest = week(recommended_lever=lever)
    assert first(digest).startswith(f"Recommended: {SENTENCES[lever]} (est. savings: $340/month; ")
    assert list(recommend(digest))[1:] == ["Decision needed by Friday, June 20."]


@pytest.mark.parametrize(
    ("monday", "friday"),
    [
        (date(2025, 6, 9), "Friday, June 20"),
        (date(2025, 6, 23), "Friday, July 4"),
        (date(2025, 12, 22), "Friday, January 2"),
    ],
)
def test_the_decision_is_due_on_the_friday_after_the_week(week, monday, friday):
    assert list(recommend(week(week_start_date=monday)))[1] == f"Decision needed by {friday}."


def test_no_lever_is_without_a_sentence():
    assert set(_ACTIONS) == set(LEVERS)


def test_a_lever_of_a_later_version_is_named_as_it_is(week):
    assert first(week(recommended_lever="smaller_batches")).startswith(
        "Recommended: smaller batches for batch summarization (est. "
    )


def test_calls_of_no_task_type_are_the_features(week):
    assert "distil FAQ bot into" in first(
        week(recommended_lever="distillation", recommended_feature_name="FAQ bot", recommended_task_type=None)
    )


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        (
            {"recommended_ratio_name": "hit_ratio", "recommended_ratio": 0.312, "recommended_break_even_ratio": 0.12},
            "31% of queries hit, break-even at 12%",
        ),
        (
            {"recommended_ratio_name": "escalation_ratio", "recommended_ratio": 0.1, "recommended_is_measured": False},
            "10% of answers escalate; not yet measured",
        ),
        (
            {
                "recommended_ratio_name": "prefix_read_ratio",
                "recommended_ratio": 0.9,
                "recommended_break_even_ratio": 0.0,
            },
            "90% of what goes through the cache is read, break-even at 0%",
        ),
        ({"recommended_ratio_name": "stable_ratio", "recommended_ratio": 0.8}, "stable 80%"),
        ({"recommended_break_even_weeks": 6.4}, "paid back in 6 weeks; measured"),
        (
            {"recommended_break_even_weeks": 0.4, "recommended_is_measured": False},
            "paid back in 1 week; not yet measured",
        ),
        ({}, "measured"),
        ({"recommended_is_measured": None}, "not yet measured"),
    ],
)
def test_other_levers_say_what_they_turn_on(week, changes, evidence):
    digest = week(recommended_lever="semantic_cache", **changes)
    assert first(digest).endswith(f"(est. savings: $340/month; {evidence}).")


def test_a_model_that_is_not_named_is_the_one_in_use(week):
    digest = week(recommended_lever="prompt_cache", recommended_current_model_id=None)
    assert "for the prompt cache of the model in use (" in first(digest)


def test_names_keep_to_their_line_and_are_no_places_to_fill_in(week):
    digest = week(
        recommended_lever="semantic_cache",
        recommended_feature_name="a\n{calls}",
        recommended_saving_usd_per_month=Decimal(5),
    )
    assert (
        first(digest) == "Recommended: put a cache of answers before a {calls} (est. savings: $5.00/month; measured)."
    )
