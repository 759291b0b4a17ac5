"""The blocks of a week, and that no week can make Slack refuse them."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai_finops.report import compose
from ai_finops.report.blocks import MOST_METRIC_LINES, build_blocks, fallback, picture_block
from ai_finops.report.edition import text_of
from ai_finops.report.message import paragraph
from ai_finops.report.review import FeedDay, WeeklyReview
from tests.report.conftest import WEEK
from tests.report.slack_api import block_problems
from tests.report.test_metric_lines import row

DECISION = "Decision needed by Friday, June 20."


def review_of(digest=WEEK, **changes):
    given = {"metrics": (), "spend": (), "feature_names": {}, "month": None, "feed_days": (), "unsettled_days": ()}
    return WeeklyReview(digest=digest, **given | changes)


def texts(blocks):
    return [block["text"]["text"] for block in blocks if "text" in block]


def test_a_quiet_week(week):
    blocks = build_blocks(review_of())
    assert [block["type"] for block in blocks] == ["header", "section", "divider", "section"]
    assert texts(blocks)[0] == "AI Cost Weekly (Week of June 9)"
    assert texts(blocks)[1] == compose(WEEK) == paragraph(WEEK)
    assert texts(blocks)[2] == (
        "Recommended: route batch summarization to Claude 3.5 Haiku "
        f"(est. savings: $340/month; no worse in 86% of 360 comparisons).\n{DECISION}"
    )


def test_blocks_and_text_call_features_by_the_same_names():
    review = review_of(feature_names={"batch_summarization": "Batch runs", "document_summarization": "Documents"})
    said = "new caller, batch runs calls pipeline summarize from docs-api, already used by documents ("
    assert said in texts(build_blocks(review))[1]
    assert said in text_of(review)


def test_a_week_with_everything(week):
    digest = week(
        quarantined_record_count=3,
        unattributed_share_ratio=0.0501,
        undecided_sprint_start_date=date(2025, 6, 2),
        undecided_sprint_end_date=date(2025, 6, 15),
    )
    review = review_of(digest, metrics=(row(),), feed_days=(FeedDay("traces", "empty", date(2025, 6, 11)),))
    blocks = build_blocks(
        review, picture=picture_block("F1", alt_text="Cost"), page_url="https://airflow.example/ai-cost/weekly"
    )
    kinds = ["header", "section", "image", "section", "divider", "section", "context", "context"]
    assert [block["type"] for block in blocks] == kinds
    assert blocks[1]["text"]["text"].endswith("in the sprint from June 2 to June 15.")
    assert blocks[2] == {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "Cost"}
    assert blocks[3]["text"]["text"].startswith("Watch: Calls by model tier")
    assert blocks[6]["elements"][0]["text"] == (
        "Data:\n• 5% of the total ($0.00) belongs to no feature\n• 3 records quarantined\n• feed traces came empty (June 11)"
    )
    assert blocks[7]["elements"][0]["text"] == (
        "<https://airflow.example/ai-cost/weekly?week=2025-06-09|Open the weekly review>"
    )
    assert block_problems(blocks) == []


def test_no_recommendation_is_a_decision_section_in_words(week):
    blocks = build_blocks(review_of(week(recommended_opportunity_id=None)))
    assert texts(blocks)[-1].startswith("No recommendation this week: ")
    assert DECISION not in json.dumps(blocks)


@pytest.mark.parametrize(("count", "more"), [(MOST_METRIC_LINES, ""), (MOST_METRIC_LINES + 1, "… and 1 more metric")])
def test_so_many_metrics_are_told(count, more):
    metrics = tuple(row(metric_name=f"m{place:02d}") for place in range(count))
    lines = texts(build_blocks(review_of(metrics=metrics)))[2].splitlines()
    assert (len(lines), lines[-1] if more else "") == (MOST_METRIC_LINES + bool(more), more)


@pytest.mark.parametrize("name", ["x" * 10_000, "&" * 10_000, "<!channel>" * 1000, "x\n" * 5000])
def test_no_name_makes_a_message_that_slack_refuses_or_loses_its_decision(week, name):
    digest = week(
        top_feature_name=name,
        main_driver="volume",
        main_driver_feature_id=name,
        main_driver_detail=name,
        recommended_feature_name=name,
        recommended_task_type=f"{name}t",
        recommended_lever="confidence_cascade",
        recommended_target_model_id=name,
        recommended_current_model_id=name,
        recommended_ratio_name=name,
        recommended_ratio=0.5,
    )
    metrics = tuple(
        row(feature_id=name, dimension=name, action=name, owner=name, metric_name=f"{name}{place}")
        for place in range(60)
    )
    feeds = tuple(FeedDay(name + str(place), "empty", date(2025, 6, 11)) for place in range(60))
    review = review_of(digest, metrics=metrics, feed_days=feeds)
    blocks = build_blocks(review, picture=picture_block("F1", alt_text=name), page_url="https://x.example/weekly")
    assert block_problems(blocks) == []
    assert texts(blocks)[-1].endswith(f"\n{DECISION}")
    text = fallback(compose(digest), digest=digest)
    assert len(text) <= 4000
    assert DECISION in text


@pytest.mark.parametrize("over", [0, 1])
def test_the_fallback_is_cut_at_four_thousand_characters(over):
    text = paragraph(WEEK)
    notes = "\n".join([text, "x" * (4000 - len(text) - 1 + over)])
    shown = fallback(notes, digest=WEEK)
    assert (shown == notes) == (over == 0)
    assert shown.startswith(text)
    assert shown.endswith("… and 1 more line") == (over == 1)


@pytest.mark.parametrize(("length", "is_whole"), [(2000, True), (2001, False)])
def test_an_alt_text_is_cut_at_two_thousand_characters(length, is_whole):
    said = picture_block("F1", alt_text="x" * length)["alt_text"]
    assert (said == "x" * length) == is_whole
    assert len(said) <= 2000


def test_markup_of_slack_s_in_a_name_stays_text():
    digest = replace(WEEK, top_feature_name="*bold* `code` ~no~ :fire: @channel", top_feature_cost_usd=Decimal(5))
    (section,) = (block for block in build_blocks(review_of(digest)) if "bold" in json.dumps(block))
    assert section["text"]["type"] == "plain_text"
    assert section["text"]["emoji"] is False
    assert "*bold* `code` ~no~ :fire: @channel: $5.00" in section["text"]["text"]
