"""Output beyond its bounds: $1 a day is $7 a week and $30.416667 a month (365/12/7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.levers import verbose_output
from tests.analyse.levers.seeds import efforts

MONTH = 365 / 12 / 7


def days(count=7, **changes):
    row = {
        "feature_id": "invoices",
        "dimension": "task_type=extraction",
        "excess_call_count": 10,
        "excess_output_tokens": 1000.5,
        "excess_output_cost_usd": Decimal(1),
        "over_healthy_output_cost_usd": Decimal(3),
        "warning_bound": 0.8,
        "healthy_bound": 0.5,
        "smallest_sample_count": 50,
    } | changes
    return [row | {"usage_date": date(2025, 6, 9) + timedelta(days=day)} for day in range(count)]


def only(rows):
    (found,) = verbose_output.find(rows, efforts=efforts())
    return found


def test_saving_is_what_lies_beyond_the_warning_bound_and_high_beyond_the_healthy_one():
    found = only(days())
    assert found.saving_usd == found.low_saving_usd == pytest.approx(7 * MONTH)
    assert found.high_saving_usd == found.current_usd == pytest.approx(21 * MONTH)
    assert found.target_usd == pytest.approx(14 * MONTH)
    assert (found.is_measured, found.reason, found.missing_evidence) == (True, None, None)
    assert (found.opportunity_id, found.task_type) == ("verbose_output:invoices:extraction", "extraction")
    assert found.evidence == (
        "70 calls on 7 of the trailing 7 days answered with more than 0.8 output tokens for each input token, "
        "7,004 tokens beyond it "
        "at what those calls' output tokens cost, times 365/12/7 for a month; high is all output beyond 0.5"
    )


@pytest.mark.parametrize(("day_count", "missing"), [(5, None), (4, "40 of the 50 such calls wanted")])
def test_fewer_calls_than_wanted_are_not_measured(day_count, missing):
    found = only(days(day_count))
    assert (found.is_measured, found.missing_evidence) == (missing is None, missing)


def test_days_of_unknown_cost_are_left_out_and_said():
    found = only(days(6) + days(1, excess_output_cost_usd=None, over_healthy_output_cost_usd=None))
    assert found.saving_usd == pytest.approx(6 * MONTH)
    assert found.missing_evidence == "the cost of such output on 1 further days is not known"


def test_without_a_healthy_bound_high_is_the_saving():
    assert only(days(over_healthy_output_cost_usd=None)).high_saving_usd == pytest.approx(7 * MONTH)


@pytest.mark.parametrize(("usd", "is_rejected"), [("0.230136", True), ("0.230137", False)])
def test_less_than_a_dollar_a_month_is_rejected(usd, is_rejected):
    found = only(days(1, excess_output_cost_usd=Decimal(usd)))
    assert (found.reason == "saves less than $1 a month") is is_rejected


def test_no_excess_totals_and_unattributed_are_none():
    rows = days(excess_call_count=0) + days(feature_id="total") + days(feature_id="unattributed")
    assert verbose_output.find(rows, efforts=efforts()) == []
