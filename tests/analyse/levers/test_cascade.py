"""A cascade priced by hand: 31.50 dollars a week on Sonnet, 8.40 on Haiku, so that up to 1 - 8.4 / 31.5 = 0.7333 may
escalate."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.analyse.levers import made
from tests.analyse.levers.made import AS_OF, HAIKU, NOVA, PRICES, calls, shadow, target

LEVER = "confidence_cascade"
WEEKS = 365 / 12 / 7


def only(*args, **options):
    return made.only(*args, lever=LEVER, **options)


def logged(escalated, of, **changes):
    """A router's count of one day."""
    return {
        "usage_date": date(2025, 6, 10),
        "feature_id": "docs",
        "task_type": "summarization",
        "cheap_model_id": HAIKU,
        "answer_count": of,
        "escalated_count": escalated,
    } | changes


def test_every_answer_pays_the_cheap_model_and_some_the_expensive_one_too():
    row = only(calls(), shadows=shadow(90, 100))
    # 8.4 + 0.1 * 31.5 = 11.55 a week: 50.1875 a month of 136.875.
    assert row["target_cost_usd_per_month"] == Decimal("50.1875")
    assert row["saving_usd_per_month"] == Decimal("86.6875")
    # The Wilson interval of 10 in 100 is 0.055229 to 0.174366.
    assert float(row["low_saving_usd_per_month"]) == pytest.approx((23.1 - 0.174366 * 31.5) * WEEKS, abs=1e-3)
    assert float(row["high_saving_usd_per_month"]) == pytest.approx((23.1 - 0.055229 * 31.5) * WEEKS, abs=1e-3)
    assert (row["ratio_name"], row["ratio"]) == ("escalation_ratio", 0.1)
    assert row["break_even_ratio"] == pytest.approx(0.733333, abs=1e-6)
    assert (row["status"], row["is_measured"], row["agreement_sample_count"]) == ("open", False, 100)
    assert row["missing_evidence"] == (
        "no logged escalation: that confidence tells exactly the worse answers is taken for granted; "
        "100 of the 200 answers wanted"
    )


@pytest.mark.parametrize(
    ("no_worse", "status", "saving"),
    # Of 15: 10, 11 and 12 escalate. 31.5 / 3 - 8.4 = 2.1 a week; at 11 / 15 exactly nothing; 31.5 / 5 - 8.4 = -2.1.
    [(5, "open", "9.125"), (4, "rejected", "0"), (3, "rejected", "-9.125")],
)
def test_it_is_rejected_from_the_break_even_on(no_worse, status, saving):
    row = only(calls(), shadows=shadow(no_worse, 15))
    assert (row["status"], row["saving_usd_per_month"]) == (status, Decimal(saving))
    assert (row["reason"] or "").startswith("it escalates too often: ") == (status == "rejected")


def test_a_cascade_that_escalates_too_often_says_from_when():
    row = only(calls(), shadows=shadow(20, 100))
    assert row["reason"] == "it escalates too often: 80.0% of answers, and from 73.3% on it costs more than it saves"


def test_what_a_router_logged_goes_before_what_was_compared():
    # Two days: 20 and 30 of 100 each, a quarter: 31.5 * 0.75 - 8.4 = 15.225 a week.
    rows = [logged(20, 100), logged(30, 100, usage_date=date(2025, 6, 11))]
    row = only(calls(), shadows=shadow(90, 100), escalations=rows)
    assert (row["ratio"], row["is_measured"], row["missing_evidence"]) == (0.25, True, None)
    assert float(row["saving_usd_per_month"]) == pytest.approx(15.225 * WEEKS, abs=1e-5)
    assert "50 of 200 answers escalated, as logged (25.0%, 95 % interval 19.5% to 31.4%)" in row["evidence"]
    # What was compared stays beside it.
    assert (row["agreement_ratio"], row["agreement_sample_count"]) == (0.9, 100)


@pytest.mark.parametrize(("count", "missing"), [(199, "199 of the 200 answers wanted"), (200, None)])
def test_few_logged_answers_are_no_measurement(count, missing):
    row = only(calls(), escalations=[logged(20, count)])
    assert (row["missing_evidence"], row["is_measured"]) == (missing, missing is None)


@pytest.mark.parametrize(
    "changes",
    [
        {"usage_date": AS_OF},
        {"feature_id": "chat"},
        {"task_type": "chat"},
        {"cheap_model_id": "another"},
        # 28 days are looked back on.
        {"usage_date": AS_OF - timedelta(days=29)},
        {"answer_count": 0, "escalated_count": 0},
    ],
)
def test_other_answers_say_nothing(changes):
    row = only(calls(), escalations=[logged(20, 200, **changes)])
    assert row["reason"] == "how often it would escalate is not known, so that no saving can be shown"


def test_the_28_days_before_are_counted():
    row = only(calls(), escalations=[logged(20, 200, usage_date=AS_OF - timedelta(days=28))])
    assert (row["ratio"], row["is_measured"]) == (0.1, True)


def test_what_a_router_sent_on_is_not_sent_back():
    # The same calls again, escalated: Haiku was not sure of them, so that they save nothing. 31.5 * 0.75 - 8.4 as without them.
    row = only(calls() + calls(is_sent_on=True), escalations=[logged(50, 200)])
    assert float(row["current_cost_usd_per_month"]) == pytest.approx(31.5 * WEEKS, abs=1e-5)
    assert float(row["saving_usd_per_month"]) == pytest.approx(15.225 * WEEKS, abs=1e-5)
    assert made.found(calls(is_sent_on=True), lever=LEVER, escalations=[logged(50, 200)]) == []


def test_without_a_share_no_saving_is_made_up():
    row = only(calls())
    assert (row["status"], row["saving_usd_per_month"]) == ("rejected", 0)
    assert (row["ratio"], row["target_cost_usd_per_month"]) == (None, None)
    assert row["missing_evidence"] == (
        "no logged escalation, and no shadow comparison of these two models on this task type"
    )
    assert row["break_even_ratio"] == pytest.approx(0.733333, abs=1e-6)


def test_an_interval_across_the_break_even_is_missing_evidence():
    # 10 of 15, 0.667: the interval ends at 0.848.
    row = only(calls(), shadows=shadow(5, 15))
    assert row["missing_evidence"].endswith("the interval reaches the break-even")


def test_of_two_open_targets_for_the_same_calls_only_the_better_stays_open():
    # Nova at 0.06 and 0.24 dollars, as often worse: cheaper, and so the better.
    shadows = shadow(90, 100) + shadow(90, 100, candidate=NOVA)
    rows = made.found(calls(), lever=LEVER, shadows=shadows, targets=[target(), target(NOVA)])
    assert [(row["target_model_id"], row["reason"]) for row in rows] == [
        (NOVA, None),
        (HAIKU, f"{NOVA} is the better target for the same calls"),
    ]


@pytest.mark.parametrize(("price", "word"), [(("3", "15"), "$31.50"), (("4", "20"), "$42.00")])
def test_a_cheap_model_that_is_not_cheaper_is_rejected(price, word):
    row = only(calls(), shadows=shadow(90, 100), price_table=PRICES | {HAIKU: price})
    assert row["reason"] == f"the cheap model is not cheaper: {word} against $31.50 a week"
    assert row["break_even_ratio"] == 0


def test_a_cheap_model_without_a_price_is_rejected():
    row = only(calls(), shadows=shadow(90, 100), targets=[target("unpriced")])
    assert (row["reason"], row["break_even_ratio"]) == (
        "the cheap model has no price for tokens these calls used",
        None,
    )
