"""June by hand (worked_month): every line of it, and a cent, a micro-dollar or an invoice too many."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.errors import FinanceError
from ai_finops.finance.invoices import NOT_INVOICED, read_invoices
from ai_finops.finance.reconciliation import reconcile, require_tie
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
        if line.account and line.account.billing_account_id == account
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
        ("Invoice i-1", usd("97.25000025"), None, usd("0.00000025")),
    ]
    require_tie(JUNE, lines)


def test_the_last_line_is_the_sum_of_all_accounts(settings, publish):
    publish(WORKED)
    last = lines_of(settings)[-1]
    assert (last.account, last.words) == (None, "Sum of the month, all accounts")
    # 99.2500002501 of A and 5.5000006 of B; 99.25 and 5.500001 are pulled.
    assert (last.billed_usd, last.pulled_usd, last.difference_usd) == (
        *(usd("104.7500008501"), usd("104.750001"), usd("-0.0000001499")),
    )
    assert (last.allowed_usd, last.rule) == (usd("0.02"), "within $0.01 for each of 2 invoices")


def test_account_b_has_a_negative_line_and_an_estimate_that_is_no_bill(settings, publish):
    publish(WORKED)
    lines = {words: rest for words, *rest in plain(lines_of(settings), B)}
    assert lines["Usage that features pay"] == [usd("5.000001"), usd("5.000001"), usd("0")]
    assert lines["Usage that no feature pays (unattributed)"] == [usd("-0.5"), usd("-0.5"), usd("0")]
    assert lines["Support"] == [usd("1"), usd("1"), usd("0")]
    assert lines["Sum of the month"] == [usd("5.5000006"), usd("5.500001"), usd("-0.0000004")]
    assert lines["Sum of the month, from its invoices"] == [usd("5.5000006"), None, usd("0")]
    assert lines["Lines not invoiced yet"] == [usd("5.5000006"), None, usd("-0.0000004")]


def test_invoices_say_what_became_of_them(settings, publish):
    publish(WORKED)
    with open_published(settings) as connection:
        first, second = read_invoices(connection, JUNE)
    assert (first.account.billing_account_id, first.key.invoice_id, first.total_usd) == (A, "i-1", usd("97.25000025"))
    assert (first.allocated_usd, first.unattributed_usd) == (usd("85.5000001"), usd("14.50000015"))
    assert first.other_usd == {"credit": -10, "refund": 0, "tax": usd("7.25"), "support": 0, "other": 0}
    assert (second.account.billing_account_id, second.key.invoice_id, second.billed) == (
        B,
        NOT_INVOICED,
        usd("5.5000006"),
    )


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


@pytest.mark.parametrize(("rounding", "is_met"), [("0.01", True), ("0.010000000001", False), ("-0.0101", False)])
def test_each_of_two_invoices_is_met_within_a_cent(settings, publish, rounding, is_met):
    """Account 9 is on both; what the second lost cannot make good what the first did."""
    publish(
        WORKED.having(
            feature_costs=(FeatureCost("9", "chat", "usage", "2"),),
            cells=(
                Cell("9", "usage", "1", allocated="1", rounding=rounding),
                Cell("9", "usage", "1", allocated="1", rounding="-0.000001", model="m"),
            ),
            charges=(
                Charge("9", "chat", "usage", str(1 + usd(rounding)), "i-8"),
                Charge("9", "chat", "usage", "0.999999", "i-9", model="m"),
            ),
        )
    )
    lines = lines_of(settings)
    met = {line.words: (line.difference_usd, line.is_met) for line in lines}
    assert (met["Invoice i-8"], met["Invoice i-9"]) == ((usd(rounding), is_met), (usd("-0.000001"), True))
    assert met["Sum of the month"] == met["Sum of the month, all accounts"] == (usd(rounding) - usd("0.000001"), True)
    if not is_met:
        with pytest.raises(FinanceError, match=r"'Invoice i-8' of aws\.bedrock, account 9 differs by -?0\.01"):
            require_tie(JUNE, lines)


@pytest.mark.parametrize(("rounding", "is_met"), [("0.005", True), ("0.005000000001", False)])
def test_an_invoice_of_two_accounts_is_met_within_one_cent(settings, publish, rounding, is_met):
    """Consolidated billing: account 7 is invoiced for 8 and 9, and each of these is well within a cent."""
    costs = {"8": "0.005", "9": rounding}
    publish(
        WORKED.having(
            feature_costs=tuple(FeatureCost(account, "chat", "usage", "1") for account in costs),
            cells=tuple(Cell(account, "usage", "1", allocated="1", rounding=lost) for account, lost in costs.items()),
            charges=tuple(
                Charge(account, "chat", "usage", str(1 + usd(lost)), "i-1", payer="7")
                for account, lost in costs.items()
            ),
        )
    )
    lines = lines_of(settings)
    assert all(line.is_met for line in lines if line.account and line.account.billing_account_id != "7")
    invoice, total = lines[-2:]
    assert (invoice.words, invoice.account.billing_account_id, invoice.pulled_usd) == ("Invoice i-1", "7", None)
    assert invoice.rule == "lost by rounding, within $0.01"
    assert (invoice.difference_usd, invoice.is_met) == (usd("0.005") + usd(rounding), is_met)
    assert (total.rule, total.is_met) == ("within $0.01", is_met)
    if not is_met:
        with pytest.raises(FinanceError, match=r"'Invoice i-1' of aws\.bedrock, account 7 differs by 0\.010000000001"):
            require_tie(JUNE, lines)


def test_what_a_cell_on_two_invoices_lost_is_shared_by_their_part_of_it(settings, publish):
    publish(
        WORKED.having(
            feature_costs=(FeatureCost("9", "chat", "usage", "4"),),
            cells=(Cell("9", "usage", "4", allocated="4", rounding="0.0000004", model="m"),),
            charges=(
                Charge("9", "chat", "usage", "3.0000003", "i-8", model="m"),
                Charge("9", "chat", "usage", "1.0000001", "i-9", model="m"),
            ),
        )
    )
    with open_published(settings) as connection:
        first, second = read_invoices(connection, JUNE)
    assert (first.rounding_usd, second.rounding_usd) == (usd("0.0000003"), usd("0.0000001"))


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
