"""Slower tiers priced by hand: 31.50 dollars a week on demand, half of it in batch."""

from decimal import Decimal

import pytest

from tests.analyse.levers import made
from tests.analyse.levers.made import SONNET, calls

LEVER = "batch_or_flex"


def tier(name, price):
    """Prices of Sonnet's input and output on a slower tier."""
    return [
        (SONNET, token_class, usd, {"processing": name})
        for token_class, usd in zip(("uncached_input", "output"), price, strict=True)
    ]


BATCH = tier("batch", ("1.5", "7.5"))


def only(rows, *, more_prices=BATCH, delay_tolerant=("summarization",), **options):
    return made.only(rows, lever=LEVER, more_prices=more_prices, delay_tolerant=delay_tolerant, **options)


def test_half_the_price_is_half_the_cost():
    row = only(calls() + calls(task_type="chat", count=300, model_tier="mid"))
    assert row["current_cost_usd_per_month"] == Decimal("136.875")
    assert row["target_cost_usd_per_month"] == row["saving_usd_per_month"] == Decimal("68.4375")
    assert (row["low_saving_usd_per_month"], row["high_saving_usd_per_month"]) == (0, Decimal("68.4375"))
    # 700 of 2,800 calls.
    assert (row["ratio_name"], row["ratio"]) == ("delay_tolerant_call_ratio", 0.25)
    assert (row["status"], row["is_measured"]) == ("open", False)
    assert row["missing_evidence"] == (
        "that nobody waits for summarization calls is what seed task_types says of all, and not measured"
    )
    assert row["evidence"] == (
        "700 calls on 7 of the trailing 7 days, 25.0% of the feature's, same tokens in batch at list prices"
    )


def test_the_cheaper_of_the_two_tiers_is_taken():
    # Flex at 1 and 5 dollars: 7 * 1.50 = 10.50 a week, 45.625 a month.
    row = only(calls(), more_prices=BATCH + tier("flex", ("1", "5")))
    assert row["target_cost_usd_per_month"] == Decimal("45.625")
    assert row["effort"] == "not known"


def test_at_the_accounts_own_rate():
    row = only(calls(billed="4.05"))
    assert row["saving_usd_per_month"] == Decimal("61.59375")


def test_without_a_price_nothing_is_guessed():
    row = only(calls(), more_prices=())
    assert (row["status"], row["saving_usd_per_month"], row["target_cost_usd_per_month"]) == ("rejected", 0, None)
    assert row["reason"] == f"the price table has no batch or flex price for {SONNET}"


def test_a_tier_that_is_as_dear_is_rejected():
    row = only(calls(), more_prices=tier("batch", ("3", "15")))
    assert row["reason"] == "batch is not cheaper: $31.50 against $31.50 a week on the same tokens"


@pytest.mark.parametrize("processing", ["batch", "flex"])
def test_what_waits_already_is_left_out(processing):
    rows = calls(processing=processing)
    assert made.found(rows, lever=LEVER, more_prices=BATCH, delay_tolerant=("summarization",)) == []


def test_priority_calls_that_could_wait_count():
    # On demand 31.50 and 63.00 as priority, both 15.75 in batch: 31.5 + 63 - 31.5 = 63 a week, 273.75 a month.
    row = only(calls() + calls(processing="priority", cost="9.00"))
    assert row["saving_usd_per_month"] == Decimal("273.75")


@pytest.mark.parametrize("more", [{"task_type": "chat"}, {"task_type": None}, {"is_generating": False}])
def test_calls_that_cannot_wait_are_no_opportunity(more):
    assert made.found(calls(**more), lever=LEVER, more_prices=BATCH, delay_tolerant=("summarization",)) == []
