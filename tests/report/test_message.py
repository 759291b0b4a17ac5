"""The message word for word: the whole of it once, then each branch of each clause."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from ai_finops.analyse.driver_words import reuse
from ai_finops.analyse.spend import Caller
from ai_finops.report import compose
from ai_finops.report.data_notes import digest_notes
from ai_finops.report.message import _DRIVERS
from tests.report.conftest import WEEK

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
FULL = (
    "AI Cost Weekly (Week of June 9): Total: $2,140 (+8% WoW). "
    "Document summarization: $890 (42% of total, up from 31%). "
    "Root cause: new caller, batch_summarization calls pipeline summarize from docs-api, "
    "already used by document_summarization (+$131; all else together +$27). "
    "Projected month-end: $9,800 (off by 12% over 7 days so far). "
    "Recommended: route batch summarization to Claude 3.5 Haiku "
    "(est. savings: $340/month; no worse in 86% of 360 comparisons). "
    "Decision needed by Friday, June 20."
)


def clause(text, start):
    """Return the sentence of a message that begins with `start`."""
    rest = text[text.index(start) :]
    return rest[: rest.index(". ") + 1] if ". " in rest else rest


def test_a_week_with_everything(week):
    assert compose(week()) == FULL


def test_a_first_week(week):
    first = week(
        not_compared_reason="no_earlier_week",
        previous_covered_day_count=None,
        previous_total_cost_usd=None,
        change_ratio=None,
        previous_top_feature_share_ratio=None,
        previous_top_feature_call_count=None,
        previous_unknown_cost_call_count=None,
        risen_cost_usd=None,
        main_driver=None,
        main_driver_feature_id=None,
        main_driver_detail=None,
        main_driver_cost_usd=None,
        main_driver_share_ratio=None,
        projection_status="short_history",
        projection_error_ratio=None,
        projection_error_horizon=None,
        recommended_opportunity_id=None,
        recommended_feature_name=None,
    )
    assert compose(first) == (
        "AI Cost Weekly (Week of June 9): Total: $2,140 (no earlier week to compare with). "
        "Document summarization: $890 (42% of total). "
        "Root cause: not known without an earlier week. "
        "Projected month-end: $9,800 (short history, error not yet measured). "
        "No recommendation this week: no open saving is large enough and cleared by its evidence."
    )


@pytest.mark.parametrize(
    ("change_ratio", "text"),
    [(0.08, "(+8% WoW)"), (-0.123, "(-12% WoW)"), (0.004, "(flat WoW)"), (None, "(nothing the week before)")],
)
def test_change_of_the_total(week, change_ratio, text):
    assert f"Total: $2,140 {text}." in compose(week(change_ratio=change_ratio))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"not_compared_reason": "no_earlier_week"}, "no earlier week to compare with"),
        (
            {"not_compared_reason": "other_day_count", "covered_day_count": 6},
            "not compared: 6 days of this week are covered, 7 of the week before",
        ),
        (
            {"not_compared_reason": "other_day_count", "covered_day_count": 1, "previous_covered_day_count": 6},
            "not compared: 1 day of this week is covered, 6 of the week before",
        ),
        (
            {"not_compared_reason": "unknown_cost", "unknown_cost_call_count": 70},
            "not compared: the cost of 70 calls this week is not known",
        ),
        (
            {"not_compared_reason": "unknown_cost", "previous_unknown_cost_call_count": 1},
            "not compared: the cost of 1 call the week before is not known",
        ),
        (
            {
                "not_compared_reason": "unknown_cost",
                "unknown_cost_call_count": 1200,
                "previous_unknown_cost_call_count": 3,
            },
            "not compared: the cost of 1,200 calls this week and 3 calls the week before is not known",
        ),
        # Of one of the weeks there are only calls without usage.
        ({"not_compared_reason": "unknown_cost"}, "not compared: what one of the weeks cost is not known"),
    ],
)
def test_a_week_that_cannot_be_compared_says_why(week, changes, text):
    digest = week(previous_total_cost_usd=None, change_ratio=None, main_driver=None, risen_cost_usd=None, **changes)
    message = compose(digest)
    assert f"Total: $2,140 ({text}). Document summarization: $890 (42% of total). " in message
    without = "without an earlier week" in message
    assert without == (changes["not_compared_reason"] == "no_earlier_week")
    assert without or "Root cause: not known, as the weeks cannot be compared. " in message


def test_a_total_that_is_not_known_is_said(week):
    digest = week(
        not_compared_reason="unknown_cost",
        total_cost_usd=None,
        previous_total_cost_usd=None,
        change_ratio=None,
        top_feature_id=None,
        unattributed_share_ratio=None,
        estimated_share_ratio=None,
        main_driver=None,
        unknown_cost_feature_count=1,
        gap_call_count=1,
    )
    assert "Total: not known (not compared: what one of the weeks cost is not known). No feature's cost is known. " in (
        compose(digest)
    )


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (0.42, 0.31, "42% of total, up from 31%"),
        (0.31, 0.42, "31% of total, down from 42%"),
        (0.424, 0.415, "42% of total, as the week before"),
        (0.42, 0.004, "42% of total, up from <1%"),
        (0.42, 0.0, "42% of total, up from 0%"),
        (None, None, "share not known"),
    ],
)
def test_share_of_the_top_feature(week, now, before, text):
    digest = week(top_feature_share_ratio=now, previous_top_feature_share_ratio=before)
    assert f"Document summarization: $890 ({text})." in compose(digest)


@pytest.mark.parametrize(
    ("call_count", "text"), [(0, "not there the week before"), (7, "its cost the week before is not known")]
)
def test_a_feature_without_a_known_cost_before_is_not_called_new(week, call_count, text):
    digest = week(previous_top_feature_share_ratio=None, previous_top_feature_call_count=call_count)
    assert f"Document summarization: $890 (42% of total, {text})." in compose(digest)


def test_features_of_unknown_cost_are_not_features_without_cost(week):
    digest = week(top_feature_id=None, top_feature_name=None, unknown_cost_feature_count=1)
    assert "No feature's cost is known. Root cause" in compose(digest)


def test_no_feature_with_cost(week):
    assert "No feature had any cost. Root cause" in compose(week(top_feature_id=None, top_feature_name=None))


def test_a_feature_without_a_name_goes_by_its_id(week):
    assert "document_summarization: $890" in compose(week(top_feature_name=None))


def test_every_driver_that_the_mart_may_name_has_words():
    models = yaml.safe_load((PROJECT / "models" / "marts" / "_marts__models.yml").read_text())["models"]
    (mart,) = (model for model in models if model["name"] == "fct_cost_drivers")
    (driver,) = (column for column in mart["columns"] if column["name"] == "driver")
    (accepted,) = (
        test["accepted_values"]["arguments"]["values"] for test in driver["data_tests"] if test != "not_null"
    )
    assert set(accepted) == set(_DRIVERS)


@pytest.mark.parametrize(
    ("driver", "usd", "text"),
    [
        ("new_caller", "131.20", "new caller, DETAIL (+$131; all else together +$27)."),
        ("lost_caller", "-131.20", "lost caller, DETAIL (-$131; all else together +$290)."),
        ("new_prompt_version", "131.20", "a dearer prompt version, DETAIL (+$131; all else together +$27)."),
        ("new_prompt_version", "-131.20", "a cheaper prompt version, DETAIL (-$131; all else together +$290)."),
        ("volume", "131.20", "more calls in support_chat, DETAIL (+$131; all else together +$27)."),
        ("volume", "-131.20", "fewer calls in support_chat, DETAIL (-$131; all else together +$290)."),
        ("model_mix", "131.20", "a dearer model mix in support_chat, DETAIL (+$131; all else together +$27)."),
        ("model_mix", "-131.20", "a cheaper model mix in support_chat, DETAIL (-$131; all else together +$290)."),
        ("tokens_per_call", "131.20", "more tokens per call in support_chat, DETAIL (+$131; all else together +$27)."),
        (
            "tokens_per_call",
            "-131.20",
            "fewer tokens per call in support_chat, DETAIL (-$131; all else together +$290).",
        ),
        (
            "cost_per_token",
            "131.20",
            "a higher cost per token in support_chat, DETAIL (+$131; all else together +$27).",
        ),
        (
            "cost_per_token",
            "-131.20",
            "a lower cost per token in support_chat, DETAIL (-$131; all else together +$290).",
        ),
        (
            "untraced_usage",
            "131.20",
            "more usage without a trace in support_chat, DETAIL (+$131; all else together +$27).",
        ),
        (
            "untraced_usage",
            "-131.20",
            "less usage without a trace in support_chat, DETAIL (-$131; all else together +$290).",
        ),
        (
            "unattributed_usage",
            "131.20",
            "more usage that no feature can be named for, DETAIL (+$131; all else together +$27).",
        ),
        (
            "unattributed_usage",
            "-131.20",
            "less usage that no feature can be named for, DETAIL (-$131; all else together +$290).",
        ),
        ("cost_not_known", "131.20", "a cost not known in full, DETAIL (+$131; all else together +$27)."),
        ("cost_not_known", "-131.20", "a cost not known in full, DETAIL (-$131; all else together +$290)."),
    ],
)
def test_root_cause(week, driver, usd, text):
    digest = week(
        main_driver=driver,
        main_driver_feature_id="support_chat",
        main_driver_detail="DETAIL",
        main_driver_cost_usd=Decimal(usd),
    )
    assert clause(compose(digest), "Root cause: ") == f"Root cause: {text}"


NAMES = {
    "support_chat": "Support chat",
    "batch_summarization": "Batch summarization",
    "document_summarization": "Document summarization",
    "summarize": "A feature called as a pipeline",
    "FAQ": "FAQ",
    "chat": "Talk",
}


@pytest.mark.parametrize(
    ("driver", "feature", "detail", "text"),
    [
        (
            "new_caller",
            "batch_summarization",
            "batch_summarization calls pipeline summarize from docs-api, already used by document_summarization",
            "new caller, batch summarization calls pipeline summarize from docs-api, already used by document summarization",
        ),
        (
            "new_caller",
            "FAQ",
            "FAQ calls pipeline summarize from support_chat, already used by support_chat and Chat_api and FAQ",
            "new caller, FAQ calls pipeline summarize from support_chat, already used by support chat and Chat_api and FAQ",
        ),
        (
            "lost_caller",
            "support_chat",
            "support_chat calls pipeline support_chat from support_chat in journey x, already used by chat",
            "lost caller, support chat calls pipeline support_chat from support_chat in journey x, already used by chat",
        ),
        (
            "new_prompt_version",
            "support_chat",
            "support_chat calls pipeline a from b with prompt v2, $1.00 to $2.00 per 1,000 calls",
            "a dearer prompt version, support chat calls pipeline a from b with prompt v2, $1.00 to $2.00 per 1,000 calls",
        ),
        ("volume", "support_chat", "1 to 2 calls", "more calls in support chat, 1 to 2 calls"),
        ("volume", "other_chat", "1 to 2 calls", "more calls in other_chat, 1 to 2 calls"),
    ],
)
def test_a_root_cause_calls_features_by_their_names_and_nothing_else(week, driver, feature, detail, text):
    digest = week(main_driver=driver, main_driver_feature_id=feature, main_driver_detail=detail)
    assert f" Root cause: {text} (+$131; all else together +$27). " in compose(digest, names=NAMES)


def test_the_names_are_those_of_the_details_that_are_written():
    caller = Caller("batch_summarization", "summarize", "docs-api", "archiving")
    detail = f"{caller}{reuse(caller, ['support_chat', 'document_summarization'])}"
    digest = replace(WEEK, main_driver_detail=detail)
    assert (
        "new caller, batch summarization calls pipeline summarize from docs-api in journey archiving, "
        "already used by document summarization and support chat (+$131"
    ) in compose(digest, names=NAMES)


@pytest.mark.parametrize(("share", "is_named"), [(0.2, False), (0.2001, True), (-0.5, False), (None, False)])
def test_a_cause_is_named_above_a_fifth(week, share, is_named):
    text = compose(week(main_driver_share_ratio=share))
    assert ("Root cause: new caller" in text) == is_named
    assert ("Root cause: no single driver explains more than a fifth of the change." in text) != is_named


@pytest.mark.parametrize(
    ("previous", "risen", "text"),
    [
        ("2140.37", "0.00", "nothing changed."),
        ("2140.37", "21.00", "the total did not change, its parts did, by $21 each way."),
        ("1981.82", "0.00", "not known, no driver was computed for this week."),
    ],
)
def test_no_driver_pushed_the_way_the_week_went(week, previous, risen, text):
    digest = week(main_driver=None, previous_total_cost_usd=Decimal(previous), risen_cost_usd=Decimal(risen))
    assert clause(compose(digest), "Root cause: ") == f"Root cause: {text}"


@pytest.mark.parametrize(
    ("status", "error", "horizon", "text"),
    [
        ("ok", 0.124, "7d", "$9,800 (off by 12% over 7 days so far)."),
        ("ok", 0.124, "14d", "$9,800 (off by 12% over 14 days so far)."),
        ("ok", 0.124, "month_end", "$9,800 (off by 12% to month end so far)."),
        ("ok", None, None, "$9,800 (error not yet measured)."),
        ("short_history", 0.124, "7d", "$9,800 (short history, off by 12% over 7 days so far)."),
    ],
)
def test_projection_with_its_error(week, status, error, horizon, text):
    digest = week(projection_status=status, projection_error_ratio=error, projection_error_horizon=horizon)
    assert clause(compose(digest), "Projected month-end: ") == f"Projected month-end: {text}"


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 day of the month that is missing"), (2, "2 days of the month that are missing")]
)
def test_days_of_the_month_that_are_missing_are_said(week, count, words):
    digest = week(projection_missing_day_count=count)
    assert f"Projected month-end: $9,800 (without {words}, off by 12% over 7 days so far)." in compose(digest)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 day of the month is missing"), (4, "4 days of the month are missing")]
)
def test_a_month_of_which_too_much_is_missing_has_no_end(week, count, words):
    digest = week(projected_month_end_cost_usd=None, projection_missing_day_count=count)
    assert f"Projected month-end: not known, {words}. Recommended" in compose(digest)


def test_too_little_history_for_a_projection(week):
    digest = week(projection_status="insufficient_history", projected_month_end_cost_usd=None)
    assert "Projected month-end: not enough days of known cost yet. Recommended" in compose(digest)


def test_a_month_of_unknown_cost_has_no_end(week):
    digest = week(projected_month_end_cost_usd=None, month_unknown_cost_call_count=60)
    assert "Projected month-end: not known, the cost of 60 calls of the month is not known. Recommended" in (
        compose(digest)
    )
    only_gaps = week(projected_month_end_cost_usd=None)
    assert "Projected month-end: not known, the month has no known cost yet. Recommended" in compose(only_gaps)


def test_the_month_is_named_when_it_is_not_the_week_s(week):
    # The week of June 23 ends on June 29; that of June 30 ends in July, the month then projected.
    june = week(week_start_date=date(2025, 6, 23), month_start_date=date(2025, 6, 1))
    july = week(week_start_date=date(2025, 6, 30), month_start_date=date(2025, 7, 1))
    next_month = week(week_start_date=date(2025, 8, 25), month_start_date=date(2025, 9, 1))
    assert "Projected month-end: $9,800" in compose(june)
    assert "Projected month-end: $9,800" in compose(july)
    assert "Projected month-end (September): $9,800" in compose(next_month)


@pytest.mark.parametrize(
    ("ratio", "count", "text"),
    [
        (0.8583, 360, "no worse in 86% of 360 comparisons"),
        (1.0, 1, "no worse in 100% of 1 comparison"),
        (None, 0, "quality not yet compared"),
        (None, None, "quality not yet compared"),
    ],
)
def test_a_recommendation_says_its_evidence(week, ratio, count, text):
    digest = week(recommended_agreement_ratio=ratio, recommended_agreement_sample_count=count)
    assert f"(est. savings: $340/month; {text}). Decision needed by Friday, June 20." in compose(digest)


def test_a_recommendation_for_one_task_of_a_feature_names_the_task(week):
    digest = week(recommended_feature_name="FAQ bot", recommended_task_type="document_review")
    assert "Recommended: route the document review calls of FAQ bot to Claude 3.5 Haiku" in compose(digest)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"covered_day_count": 6, "missing_days": "2025-06-11"}, "1 day of 7 missing (June 11)"),
        ({"covered_day_count": 5, "missing_days": "2025-06-11, 2025-06-12"}, "2 days of 7 missing (June 11, June 12)"),
        ({"covered_day_count": 5, "missing_days": None}, "2 days of 7 missing"),
        ({"estimated_share_ratio": 1.0}, "100% of the total is estimated, its bill has not arrived"),
        ({"estimated_share_ratio": 0.01}, "1% of the total is estimated, its bill has not arrived"),
        (
            {"unattributed_share_ratio": 0.0501, "unattributed_cost_usd": Decimal("107.2")},
            "5% of the total ($107) belongs to no feature",
        ),
        ({"unpriced_call_count": 1}, "1 call without a price"),
        ({"unpriced_call_count": 1200}, "1,200 calls without a price"),
        ({"gap_call_count": 2}, "2 calls without usage"),
        ({"quarantined_record_count": 1}, "1 record quarantined"),
    ],
)
def test_data_notes(week, changes, note):
    assert compose(week(**changes)) == f"{FULL}\nData: {note}."


@pytest.mark.parametrize(
    "changes",
    [
        {"unattributed_share_ratio": 0.05},
        {"unattributed_share_ratio": None},
        {"estimated_share_ratio": None},
        {"estimated_share_ratio": 0.0099},
        {"covered_day_count": 7},
    ],
)
def test_nothing_to_note(week, changes):
    assert compose(week(**changes)) == FULL


@pytest.mark.parametrize(
    ("gaps", "unknown_features", "is_said"), [(0, 0, False), (12, 0, False), (13, 0, True), (0, 1, False), (1, 1, True)]
)
def test_calls_without_usage_are_said_when_they_matter(week, gaps, unknown_features, is_said):
    digest = week(gap_call_count=gaps, unknown_cost_feature_count=unknown_features)
    notes = list(digest_notes(digest, call_count=1200))
    assert notes == ([f"{gaps} call{'' if gaps == 1 else 's'} without usage"] if is_said else [])


def test_what_somebody_has_to_mend_is_said_however_little_it_is(week):
    notes = digest_notes(week(unpriced_call_count=1, quarantined_record_count=1), call_count=1_000_000)
    assert list(notes) == ["1 call without a price", "1 record quarantined"]


def test_several_notes_are_one_line(week):
    text = compose(week(covered_day_count=6, missing_days="2025-06-11", quarantined_record_count=2))
    assert text.splitlines()[1:] == ["Data: 1 day of 7 missing (June 11); 2 records quarantined."]


def test_a_sprint_without_a_decision_is_a_line_before_the_data_notes(week):
    undecided = {
        "undecided_sprint_start_date": date(2025, 6, 2),
        "undecided_sprint_end_date": date(2025, 6, 15),
    }
    line = "Decisions: no saving was decided on in the sprint from June 2 to June 15."
    assert compose(week(**undecided)) == f"{FULL}\n{line}"
    assert compose(week(**undecided, gap_call_count=2)) == f"{FULL}\n{line}\nData: 2 calls without usage."


def test_metrics_have_their_lines_before_the_data_notes(week):
    text = compose(
        week(gap_call_count=2), metrics=["Warning: a.", "Watch: b."], notes=["a gap", "the bill is not settled"]
    )
    data = "Data: a gap; the bill is not settled."
    assert text.splitlines() == [FULL, "Warning: a.", "Watch: b.", data]


def test_a_name_cannot_add_a_line(week):
    text = compose(week(top_feature_name="Chat\nData: all is well", recommended_feature_name="Chat\nsummarization"))
    assert len(text.splitlines()) == 1
