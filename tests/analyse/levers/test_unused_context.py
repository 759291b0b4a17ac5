"""Documents that influenced nothing, by hand: $7 of $28 of a week's input is $30.416667 of $121.666667 a month (365/12/7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.levers import unused_context
from tests.analyse.levers.seeds import assumptions, efforts

ASSUMED = assumptions(unused_context_min_calls=50)
MONTH = 365 / 12 / 7


def days(count=7, **changes):
    """Days of 10 calls with 40 documents, 30 of which nothing used: $1 of $4."""
    row = {
        "feature_id": "docs",
        "evidence": "citation",
        "validation": "recorded",
        "low_agreement_ratio": None,
        "call_count": 10,
        "unknown_cost_call_count": 0,
        "document_count": 40,
        "unused_document_count": 30,
        "unused_tokens": 3000,
        "input_cost_usd": Decimal(4),
        "unused_input_cost_usd": Decimal(1),
        "is_token_count_estimated": False,
    } | changes
    return [row | {"usage_date": date(2025, 6, 9) + timedelta(days=day)} for day in range(count)]


def only(rows):
    (found,) = unused_context.find(rows, assumptions=ASSUMED, efforts=efforts())
    return found


def test_what_citations_say_is_measured_and_certain():
    found = only(days())
    assert (found.saving_usd, found.low_saving_usd, found.high_saving_usd) == (pytest.approx(7 * MONTH),) * 3
    assert (found.current_usd, found.target_usd) == (pytest.approx(28 * MONTH), pytest.approx(21 * MONTH))
    assert (found.ratio_name, found.ratio) == ("unused_document_cost_ratio", 0.25)
    assert (found.is_measured, found.reason, found.missing_evidence) == (True, None, None)
    assert found.opportunity_id == "unused_context:docs:citation"
    assert found.effort == "build unused_context"
    assert found.evidence == (
        "citation (recorded): 210 of 280 documents in the prompts of 70 calls on 7 of the trailing 7 days influenced nothing, "
        "21,000 tokens at what those calls' input tokens cost, times 365/12/7 for a month; all of them left out "
        "is the most that "
        "can be saved"
    )


def test_a_validated_estimate_is_as_certain_as_its_agreement_is_at_least():
    found = only(days(evidence="overlap_estimate", validation="agreement 0.93 (n=102)", low_agreement_ratio=0.865))
    assert found.low_saving_usd == pytest.approx(7 * MONTH * 0.865)
    assert found.saving_usd == found.high_saving_usd == pytest.approx(7 * MONTH)
    assert found.is_measured
    assert found.evidence.startswith("overlap_estimate (agreement 0.93 (n=102)): ")


def test_the_lowest_agreement_of_the_days_counts():
    rows = days(6, evidence="e", validation="a", low_agreement_ratio=0.9)
    rows += days(1, evidence="e", validation="b", low_agreement_ratio=0.8)
    assert only(rows).low_saving_usd == pytest.approx(7 * MONTH * 0.8)


@pytest.mark.parametrize("validated_day_count", [0, 6])
def test_an_estimate_that_nobody_validated_is_not_measured(validated_day_count):
    rows = days(validated_day_count, evidence="e", validation="agreement 0.93 (n=102)", low_agreement_ratio=0.865)
    rows += days(7 - validated_day_count, evidence="e", validation="unvalidated")
    found = only(rows)
    assert (found.low_saving_usd, found.is_measured, found.reason) == (0.0, False, None)
    assert found.saving_usd == pytest.approx(7 * MONTH)
    assert found.missing_evidence == (
        "the estimate of use is not validated: label a hundred documents, or record citations"
    )


@pytest.mark.parametrize(("unknown", "is_measured"), [(2, True), (3, False)])
def test_fewer_calls_than_wanted_are_not_measured(unknown, is_measured):
    # Of 10 calls a day the money of 8 is known, 56 in all; of 7 it is 49.
    found = only(days(unknown_cost_call_count=unknown))
    assert found.is_measured is is_measured
    assert found.missing_evidence.startswith("49 of the 50 calls wanted; ") is not is_measured
    assert found.missing_evidence.endswith(f"tokens or cost of {7 * unknown} further calls are not known")


def test_exactly_as_many_calls_as_wanted_are_enough():
    assert only(days(5)).is_measured


def test_estimated_tokens_are_said():
    found = only(days(is_token_count_estimated=True))
    assert found.missing_evidence == "tokens of documents are estimated from the length of their text"


# $0.230136 a week is $0.999999 a month, and a ten-thousandth of a cent more is a dollar.
@pytest.mark.parametrize(("usd", "is_rejected"), [("0.230136", True), ("0.230137", False)])
def test_less_than_a_dollar_a_month_is_rejected(usd, is_rejected):
    found = only(days(1, unused_input_cost_usd=Decimal(usd)))
    assert (found.reason == "saves less than $1 a month") is is_rejected


def test_what_is_not_known_of_any_call_saves_nothing():
    found = only(days(unknown_cost_call_count=10, unused_tokens=None, input_cost_usd=None, unused_input_cost_usd=None))
    assert (found.saving_usd, found.ratio, found.reason) == (0.0, None, "saves less than $1 a month")


def test_the_two_kinds_of_evidence_and_features_are_apart_and_unattributed_is_none():
    rows = days(1) + days(1, evidence="overlap_estimate", low_agreement_ratio=0.9) + days(1, feature_id="unattributed")
    found = unused_context.find([*rows, *days(1, feature_id="chat")], assumptions=ASSUMED, efforts=efforts())
    assert [(each.feature_id, each.about) for each in found] == [
        ("chat", ("citation",)),
        ("docs", ("citation",)),
        ("docs", ("overlap_estimate",)),
    ]
