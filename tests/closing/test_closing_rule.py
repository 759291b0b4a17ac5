"""When a month is final."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.build.raw_views import open_warehouse
from ai_finops.closing.closed_ledger import Period
from ai_finops.closing.closing_rule import ClosingRule, InvoicedMonth, closings, invoiced_months, read_rules
from ai_finops.config import REPOSITORY
from ai_finops.errors import SettingsError
from ai_finops.lake_files import parquet_bytes
from tests.build.tiny_lake import rows

MAY, JUNE, JULY, DECEMBER = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1), date(2025, 12, 1)
RULE = ClosingRule("aws.bedrock", "aws_cur", 15)
COLUMNS = "provider_name,billing_source,closes_after_days,reason\n"


def bill(tmp_path, period: str, *lines: tuple[str, str | None, bool]):
    """Write the totals of a bill: account, invoice id, and whether the line may concern AI."""
    totals = [
        {
            "billing_period": period,
            "line_item_usage_account_id": account,
            "bill_invoice_id": invoice_id,
            "is_landed": is_landed,
            "line_item_unblended_cost": Decimal(1),
        }
        for account, invoice_id, is_landed in lines
    ]
    path = tmp_path / f"{period}.parquet"
    path.write_bytes(parquet_bytes(rows("billing", "invoice_totals", *totals)))
    return path


def test_a_month_is_invoiced_when_every_line_of_its_account_is(tmp_path):
    may = bill(tmp_path, "2025-05", ("1", "i1", True), ("1", "i2", True), ("2", "i1", True), ("2", "", True))
    other = (("3", "i3", False), ("3", "", False), ("4", None, False))
    june = bill(
        tmp_path, "2025-06", ("1", None, True), ("1", "i3", False), ("2", "i3", True), ("2", None, False), *other
    )
    with open_warehouse(":memory:") as connection:
        assert invoiced_months(connection, [may, june]) == [
            InvoicedMonth(MAY, "1"),
            InvoicedMonth(JUNE, "2"),
            InvoicedMonth(JUNE, "3", has_ai=False),
        ]
        assert invoiced_months(connection, []) == []


@pytest.mark.parametrize(
    ("month", "as_of", "is_closing"),
    [
        (MAY, date(2025, 6, 15), False),
        (MAY, date(2025, 6, 16), True),
        (DECEMBER, date(2026, 1, 15), False),
        (DECEMBER, date(2026, 1, 16), True),
    ],
)
def test_a_month_closes_when_the_days_of_the_rule_have_passed(month, as_of, is_closing):
    found = closings([InvoicedMonth(month, "1")], rule=RULE, closed=[], as_of=as_of)
    assert [closing.period for closing in found] == ([Period("aws.bedrock", "1", month)] if is_closing else [])
    assert all(closing.closed_at == as_of and closing.version == 1 for closing in found)


def test_a_closed_month_does_not_close_again():
    closed = Period("aws.bedrock", "1", MAY)
    (closing,) = closings(
        [InvoicedMonth(MAY, "2"), InvoicedMonth(MAY, "1")], rule=RULE, closed=[closed], as_of=date(2025, 7, 1)
    )
    assert closing.period == Period("aws.bedrock", "2", MAY)
    assert closing.rule == "all lines have an invoice id, and 15 days have passed since the month ended"


def test_a_month_without_ai_closes_for_an_account_that_had_some():
    """Of account 1, May is closed; 2 never had AI; 3 had it in June; 4 has a later month closed than the one without."""
    closed = [Period("aws.bedrock", "1", MAY), Period("aws.bedrock", "4", JULY), Period("openai", "2", MAY)]
    months = [(JUNE, account) for account in "1234"] + [(JULY, "3"), (JULY, "1")]
    invoiced = [InvoicedMonth(month, account, has_ai=(month, account) == (JUNE, "3")) for month, account in months]
    found = closings(invoiced, rule=RULE, closed=closed, as_of=date(2025, 8, 16))
    assert [(closing.period.billing_account_id, closing.period.usage_month) for closing in found] == [
        *(("1", JUNE), ("1", JULY), ("3", JUNE), ("3", JULY)),
    ]
    assert found[0].rule == (
        "it has an invoice, on which no line concerns AI, and 15 days have passed since the month ended"
    )
    (june, _) = closings(invoiced, rule=RULE, closed=closed, as_of=date(2025, 8, 15))
    assert june.period == Period("aws.bedrock", "1", JUNE)


def test_the_project_has_a_rule_for_the_bill_it_allocates():
    (rule,) = read_rules(REPOSITORY / "dbt_project" / "seeds" / "closing_rules.csv")
    assert (rule.provider_name, rule.billing_source) == ("aws.bedrock", "aws_cur")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("aws.bedrock,aws_cur,0,x", "line 2: closes_after_days is '0'; give a whole number of days, 1 or more"),
        ("aws.bedrock,aws_cur,-3,x", "closes_after_days is '-3'"),
        ("aws.bedrock,aws_cur,,x", "closes_after_days is ''"),
        ("aws.bedrock,paper,9,x", "line 2: paper is no bill whose months close; known are aws_cur"),
    ],
)
def test_a_line_that_is_no_rule_is_named(tmp_path, line, said):
    path = tmp_path / "closing_rules.csv"
    path.write_text(COLUMNS + line + "\n")
    with pytest.raises(SettingsError, match=said):
        read_rules(path)


def test_rules_that_cannot_be_read_are_said(tmp_path):
    with pytest.raises(SettingsError, match=r"closing_rules\.csv cannot be read .*may hold no rule, but must exist"):
        read_rules(tmp_path / "closing_rules.csv")
    (tmp_path / "closing_rules.csv").write_text("provider_name,billing_source\naws.bedrock,aws_cur\n")
    with pytest.raises(SettingsError, match="closes_after_days"):
        read_rules(tmp_path / "closing_rules.csv")
    (tmp_path / "closing_rules.csv").write_text(COLUMNS)
    assert read_rules(tmp_path / "closing_rules.csv") == []
