"""Rerankers by verdict: $7 a week is $30.416667 a month (365/12/7).

2025-06-18 is a Wednesday; the last complete week began on the 9th.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.levers import redundant_reranker
from tests.analyse.levers.seeds import assumptions, efforts

AS_OF = date(2025, 6, 18)
LAST = date(2025, 6, 9)
MONTH = 365 / 12 / 7
REASONS = {"redundant": "top_unchanged", "harmful": "hits_lost", "useful": "hits_gained", "unproven": "no_difference"}


def week(back=0, *, verdict="redundant", usd="7", **changes):
    return {
        "feature_id": "docs",
        "week_start_date": LAST - timedelta(weeks=back),
        "verdict": verdict,
        "reason": REASONS.get(verdict, "few_reranks"),
        "top_k": 5,
        "rerank_count": 120,
        "compared_count": 100,
        "changed_count": 19,
        "change_ratio": 0.19,
        "judged_count": 50,
        "gained_hit_count": 9,
        "lost_hit_count": 1,
        "allocated_cost_usd": None if usd is None else Decimal(usd),
        "is_complete_week": True,
    } | changes


def find(*rows, as_of=AS_OF):
    return redundant_reranker.find(
        rows, as_of=as_of, assumptions=assumptions(reranker_trailing_weeks=4), efforts=efforts()
    )


def only(*rows, **options):
    (found,) = find(*rows, **options)
    return found


@pytest.mark.parametrize("verdict", ["redundant", "harmful"])
def test_one_that_is_not_worth_it_saves_its_cost(verdict):
    found = only(week(verdict=verdict), week(1, usd="6"), week(3, usd="9"), week(4, usd="1"))
    assert (found.current_usd, found.saving_usd, found.target_usd) == (*(pytest.approx(7 * MONTH),) * 2, 0.0)
    # The week before the trailing four is not looked at.
    assert (found.low_saving_usd, found.high_saving_usd) == (pytest.approx(6 * MONTH), pytest.approx(9 * MONTH))
    assert (found.is_measured, found.reason, found.missing_evidence) == (True, None, None)
    assert (found.ratio_name, found.ratio, found.opportunity_id) == (
        "reranker_change_ratio",
        0.19,
        "redundant_reranker:docs",
    )
    assert found.evidence == (
        "the top 5 changed in 19 of 100 reranks that tell both orders; 9 gained and 1 lost hits in 50 that cite; verdicts: "
        f"{verdict} (2025-06-09), redundant (2025-06-02), redundant (2025-05-19); cost of all 120 reranks of "
        f"the week, times 365/12/7"
    )


def test_a_useful_one_is_rejected_with_its_numbers():
    found = only(week(verdict="useful"))
    assert found.reason == (
        "it is useful: of 50 reranks in traces that cite, 9 gained a hit and 1 lost one, beyond chance"
    )
    assert (found.is_measured, found.low_saving_usd, found.missing_evidence) == (False, 0.0, None)


@pytest.mark.parametrize(("verdict", "reason"), [("unproven", "no_difference"), ("insufficient", "few_reranks")])
def test_one_of_which_nothing_is_proven_is_rejected(verdict, reason):
    # The week before cost more: of it nothing is proven either.
    found = only(week(verdict=verdict), week(1, usd="9"))
    assert (found.reason, found.missing_evidence) == (f"the verdict is {verdict}: {reason}", None)
    assert (found.is_measured, found.saving_usd, found.low_saving_usd) == (False, 0.0, 0.0)
    assert found.high_saving_usd == found.current_usd == found.target_usd == pytest.approx(7 * MONTH)


def test_without_a_threshold_nothing_is_proven():
    found = only(week(verdict="no_threshold", reason="no_threshold", usd=None))
    assert found.reason == "the verdict is no_threshold: no_threshold"
    assert (found.saving_usd, found.high_saving_usd, found.target_usd) == (0.0, 0.0, None)


def test_a_useful_week_among_the_trailing_ones_speaks_against_redundant():
    found = only(week(), week(3, verdict="useful"))
    assert (found.is_measured, found.low_saving_usd, found.reason) == (False, 0.0, None)
    assert found.missing_evidence == "it was useful in the week of 2025-05-19: one week speaks against another"
    assert only(week(), week(4, verdict="useful")).is_measured


def test_unproven_weeks_before_do_not_speak_against_it():
    assert only(week(), week(1, verdict="unproven"), week(2, verdict="insufficient")).is_measured


def test_of_unknown_cost_is_rejected():
    found = only(week(usd=None), week(1))
    assert (found.reason, found.saving_usd, found.target_usd) == (
        "the cost of too many of its reranks is not known",
        0.0,
        None,
    )
    assert (found.low_saving_usd, found.high_saving_usd, found.is_measured) == (0.0, 0.0, False)


@pytest.mark.parametrize(("usd", "is_rejected"), [("0.230136", True), ("0.230137", False)])
def test_less_than_a_dollar_a_month_is_rejected(usd, is_rejected):
    assert (only(week(usd=usd)).reason == "saves less than $1 a month") is is_rejected


@pytest.mark.parametrize(
    ("as_of", "is_found"),
    [
        (date(2025, 6, 15), False),  # the Sunday of the week itself
        (date(2025, 6, 16), True),
        (date(2025, 6, 22), True),
        (date(2025, 6, 23), False),  # another week is over, without reranks: it is gone
    ],
)
def test_the_last_complete_week_decides(as_of, is_found):
    assert bool(find(week(), as_of=as_of)) is is_found


def test_weeks_with_days_missing_totals_and_unattributed_are_none():
    assert find(week(is_complete_week=False), week(feature_id="total"), week(feature_id="unattributed")) == []
