"""June by hand (worked_month): every line of it, and a cent, a micro-dollar or an invoice too many."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.errors import FinanceError
from ai_finops.finance.reconciliation import NOT_INVOICED, read_invoices, reconcile, require_tie
from ai_finops.finance.tables import FEATURE_COSTS, month_table
from ai_finops.publish import open_published
from tests.finance.worked_month import JULY, JUNE, WORKED, A, B, Cell, Charge, FeatureCost


def lines_of(settings, month: date = JUNE) -> list:
    with open_published(settings) as connection:
        rows = month_table(connection, FEATURE_COSTS, month=month).dicts()
        invoices = read_invoices(connection, month)
        return reconcile(connection, month, feature_costs=rows, invoices=invoices)


def plain(lines: list, account: str) -> list[tuple]:
    return [
        (line.words, line.billed_usd, line.pulled_usd, line.difference_usd)
        for line in lines
        if line.account.billing_account_id == account
    ]


def usd(text: str) -> Decimal:
    return Decimal(text)


def test_every_line_of_account_a(settings, publish):
    publish(WORKED)
    lines = lines_of(settings)
    assert plain(lines, A) == [
        ("Usage that features pay", usd("85.5"), usd("85.5"), usd("0")),
        ("Usage that no feature pays (unattributed)", usd("14.5"), usd("14.5"), usd("0")),
        ("Credits", usd("-10"), usd("-10"), usd("0")),
        ("Refunds", usd("0"), usd("0"), usd("0")),
        ("Tax", usd("7.25"), usd("7.25"), usd("0")),
        ("Support", usd("0"), usd("0"), usd("0")),
        ("Other charges", usd("0"), usd("0"), usd("0")),
        ("Corrections of earlier months, closed since", usd("2"), usd("2"), usd("0")),
        ("Rounding to millionths of a dollar", usd("0.0000002501"), None, None),
        ("Sum of the month", usd("99.2500002501"), usd("99.25"), usd("0.0000002501")),
        ("Invoices of the month (focus_costs.csv)", usd("97.25000025"), None, None),
        ("plus corrections of earlier months, on those months' invoices", usd("2.0000000001"), None, None),
        ("less corrections of this month, in later months' books", usd("0"), None, None),
        ("Sum of the month, from its invoices", usd("99.2500002501"), None, usd("0")),
    ]
    require_tie(JUNE, lines)


def test_account_b_has_a_negative_line_and_an_estimate_that_is_no_bill(settings, publish):
    publish(WORKED)
    lines = {words: rest for words, *rest in plain(lines_of(settings), B)}
    assert lines["Usage that features pay"] == [usd("5.000001"), usd("5.000001"), usd("0")]
    assert lines["Usage that no feature pays (unattributed)"] == [usd("-0.5"), usd("-0.5"), usd("0")]
    assert lines["Support"] == [usd("1"), usd("1"), usd("0")]
    assert lines["Sum of the month"] == [usd("5.5000006"), usd("5.500001"), usd("-0.0000004")]
    assert lines["Sum of the month, from its invoices"] == [usd("5.5000006"), None, usd("0")]


def test_invoices_say_what_became_of_them(settings, publish):
    publish(WORKED)
    with open_published(settings) as connection:
        first, second = read_invoices(connection, JUNE)
    assert (first.account.billing_account_id, first.invoice_id, first.total_usd) == (A, "i-1", usd("97.25000025"))
    assert (first.allocated_usd, first.unattributed_usd) == (usd("85.5000001"), usd("14.50000015"))
    assert first.other_usd == {"credit": -10, "refund": 0, "tax": usd("7.25"), "support": 0, "other": 0}
    assert (second.account.billing_account_id, second.invoice_id, second.billed) == (B, NOT_INVOICED, usd("5.5000006"))


def test_what_was_corrected_in_a_later_month_is_taken_off_the_invoices(settings, publish):
    """June closed at 99.25; its bill then rose by 0.75, which stands in July."""
    later = Cell(A, "correction", "0.75", rounding="0.00000001", day=JULY, corrected_month=JUNE)
    july = FeatureCost(A, "not_allocated", "correction", "0.75", corrected_month=JUNE, month=JULY)
    raised = Charge(A, "not_allocated", "tax", "0.75000001", "i-2")
    publish(
        WORKED.having(
            cells=(*WORKED.cells, later),
            charges=(*WORKED.charges, raised),
            feature_costs=(*WORKED.feature_costs, july),
        )
    )
    of_june = {words: rest for words, *rest in plain(lines_of(settings), A)}
    assert of_june["Invoices of the month (focus_costs.csv)"][0] == usd("98.00000026")
    assert of_june["less corrections of this month, in later months' books"][0] == usd("-0.75000001")
    assert of_june["Sum of the month, from its invoices"] == [usd("99.2500002501"), None, usd("0")]
    of_july = {words: rest for words, *rest in plain(lines_of(settings, JULY), A)}
    assert of_july["Corrections of earlier months, closed since"] == [usd("0.75"), usd("0.75"), usd("0")]
    assert of_july["Sum of the month, from its invoices"] == [usd("0.75000001"), None, usd("0")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"feature_costs": (FeatureCost(A, "chat", "usage", "0.000001"),)},
            "'Usage that features pay' .* -0.000001 USD",
        ),
        (
            {"feature_costs": (FeatureCost(A, "x", "refund", "-1"),)},
            "'Refunds' of aws.bedrock, account 111122223333 .* 1.0",
        ),
        ({"feature_costs": (FeatureCost(A, "x", "strange", "1"),)}, "'Other charges'"),
        ({"cells": (Cell(B, "tax", "0.01"),)}, "'Tax' of aws.bedrock, account 444455556666 differs by 0.010000 USD"),
        (
            {"charges": (Charge(B, "chat", "usage", "0.000000000001"),)},
            "'Sum of the month, from its invoices' .* 0.000000000001 ",
        ),
        (
            {"charges": (Charge("9", "chat", "usage", "1"),)},
            "'Sum of the month, from its invoices' of aws.bedrock, account 9 ",
        ),
    ],
)
def test_what_does_not_tie_is_named(settings, publish, changes, said):
    publish(WORKED.having(**{name: (*getattr(WORKED, name), *rows) for name, rows in changes.items()}))
    with pytest.raises(FinanceError, match=said):
        require_tie(JUNE, lines_of(settings))


@pytest.mark.parametrize(
    ("rounding", "is_met"), [("0.01", True), ("0.010000000001", False), ("-0.01", True), ("-0.0101", False)]
)
def test_an_invoice_is_met_within_a_cent(settings, publish, rounding, is_met):
    """Account 9 has one line of 1.00 and what rounding took away."""
    billed = str(1 + usd(rounding))
    publish(
        WORKED.having(
            feature_costs=(FeatureCost("9", "chat", "usage", "1"),),
            cells=(Cell("9", "usage", "1", allocated="1", rounding=rounding),),
            charges=(Charge("9", "chat", "usage", billed, "i-9"),),
        )
    )
    lines = lines_of(settings)
    assert {line.words: line.is_met for line in lines}["Sum of the month"] == is_met
    if not is_met:
        with pytest.raises(FinanceError, match="'Sum of the month'"):
            require_tie(JUNE, lines)


@pytest.mark.parametrize(("rounding", "is_met"), [("0.02", True), ("0.020000000001", False)])
def test_two_invoices_may_each_miss_a_cent(settings, publish, rounding, is_met):
    publish(
        WORKED.having(
            feature_costs=(FeatureCost("9", "chat", "usage", "1"),),
            cells=(Cell("9", "usage", "1", allocated="1", rounding=rounding),),
            charges=(Charge("9", "chat", "usage", "1", "i-8"), Charge("9", "chat", "usage", rounding, "i-9")),
        )
    )
    assert {line.words: line.is_met for line in lines_of(settings)}["Sum of the month"] == is_met


def test_a_charge_of_a_kind_that_nobody_knows_yet_is_among_the_others(settings, publish):
    publish(
        WORKED.having(
            feature_costs=(FeatureCost("9", "not_allocated", "levy", "1"),),
            cells=(Cell("9", "levy", "1"),),
            charges=(Charge("9", "not_allocated", "levy", "1"),),
        )
    )
    lines = lines_of(settings)
    require_tie(JUNE, lines)
    assert plain(lines, "9")[6] == ("Other charges", usd("1"), usd("1"), usd("0"))
