"""Nine days of $2.75: $2.50 of it traced, $0.25 nobody's, 90.9 % covered (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.ui.views.seeing import chart, fact, line, rows, see, warned

CELL = """
insert into fct_daily_reconciliations by name
select * replace ({changes}) from fct_daily_reconciliations where usage_date = '2025-06-02' limit 1
"""
JUNE_2, JUNE_10 = date(2025, 6, 2), date(2025, 6, 10)


def cell(**changes: str) -> str:
    return CELL.format(changes=", ".join(f"{value} as {name}" for name, value in changes.items()))


def test_a_month_is_billed_as_allocated_plus_unattributed(marts, settings):
    view = see("reconciliation", marts("tiny"), settings)
    assert fact(view, "Billed") == Decimal("24.75")
    assert fact(view, "Allocated to features") == Decimal("22.5")
    assert fact(view, "Usage that is unattributed") == Decimal("2.25")
    assert fact(view, "Coverage") == pytest.approx(0.909)
    assert fact(view, "Cells that do not tie") == 0
    assert line(view, "billed-by-day", "Allocated to features")[JUNE_2] == 2.5
    assert line(view, "billed-by-day", "Usage unattributed")[JUNE_2] == 0.25
    assert chart(view, "billed-by-day").summary == "Of $25 billed, features pay $23, $2.25 of usage is unattributed."
    assert len(rows(view, "reconciliation-days")) == 9
    assert warned(view) == []


def test_coverage_weighs_each_cell_by_what_it_cost(marts, settings):
    # 2.75 of 11.00 is covered to 90.9 %: 22.725 %. Features pay 2.50 of 11.00.
    untraced = cell(
        model_id="'n'", billed_cost_usd="8.25", allocated_cost_usd="0", unattributed_cost_usd="8.25", coverage_pct="0"
    )
    day = rows(see("reconciliation", marts("tiny", untraced), settings), "reconciliation-days")[0]
    assert day["traced_ratio"] == pytest.approx(0.22725)
    assert day["allocated_ratio"] == pytest.approx(2.5 / 11)


@pytest.mark.parametrize(
    ("allocated_usd", "is_drawn"),
    [("2.4859", True), ("2.4861", False), ("2.5134", False), ("2.5136", True), ("null", True)],
)
def test_what_features_pay_has_a_line_where_it_can_be_seen_beside_what_was_traced(
    marts, settings, allocated_usd, is_drawn
):
    # Traced are 90.9 % of 2.75; half a percent of it is 0.01375 to either side of 2.49975.
    paid = f"update fct_daily_reconciliations set allocated_cost_usd = {allocated_usd} where usage_date = '2025-06-03'"
    drawn = chart(see("reconciliation", marts("tiny", paid), settings), "coverage-by-day")
    assert [one.name for one in drawn.series] == ["Traced", *(["Paid by features"] if is_drawn else [])]
    assert drawn.subtitle.startswith("What features pay is within half a percent of it") is not is_drawn


def test_without_a_share_there_is_nothing_to_say_of_it(marts, settings):
    assert chart(see("reconciliation", marts("empty"), settings), "coverage-by-day").subtitle == ""


def test_tax_is_billed_and_in_no_share(marts, settings):
    tax = cell(
        charge_category="'tax'",
        billed_cost_usd="10",
        allocated_cost_usd="0",
        unattributed_cost_usd="10",
        coverage_pct="null",
    )
    view = see("reconciliation", marts("tiny", tax), settings)
    day = rows(view, "reconciliation-days")[0]
    assert fact(view, "Billed") == Decimal("34.75")
    assert fact(view, "Usage that is unattributed") == Decimal("2.25")
    assert day["other_charges_cost_usd"] == 10
    assert day["unattributed_usage_cost_usd"] == Decimal("0.25")
    assert day["traced_ratio"] == pytest.approx(0.909)
    assert line(view, "billed-by-day", "Usage unattributed")[JUNE_2] == 0.25


def test_the_facts_and_the_picture_add_up_to_the_bill(marts, settings):
    # 24.75 of usage, 10 of tax, 3 less by a credit and 1 by a refund, 2 of support of which a feature was found for 0.5.
    charges = [("tax", 10, 0), ("credit", -3, 0), ("refund", -1, 0), ("support", 2, 0.5)]
    cells = [
        cell(
            charge_category=f"'{kind}'",
            billed_cost_usd=str(usd),
            allocated_cost_usd=str(paid),
            unattributed_cost_usd=str(usd - paid),
            coverage_pct="null",
        )
        for kind, usd, paid in charges
    ]
    view = see("reconciliation", marts("tiny", *cells), settings)
    labels = ("Allocated to features", "Usage that is unattributed", "Tax", "Credits and refunds", "Other charges")
    parts = [fact(view, label) for label in labels]
    assert parts == [Decimal(usd) for usd in ("23", "2.25", "10", "-4", "1.5")]
    assert sum(parts) == fact(view, "Billed") == Decimal("32.75")
    drawn = chart(view, "billed-by-day")
    assert sum(value for one in drawn.series for value in one.values if value is not None) == 32.75
    assert [(one.name, one.is_nobodys) for one in drawn.series] == [
        ("Allocated to features", False),
        ("Usage unattributed", True),
        ("Tax, credits and others", False),
    ]
    day = rows(view, "reconciliation-days")[0]
    assert day["billed_cost_usd"] == (
        day["allocated_cost_usd"] + day["unattributed_usage_cost_usd"] + day["other_charges_cost_usd"]
    )


def test_a_kind_of_charge_that_the_month_lacks_is_no_fact(marts, settings):
    labels = [each.label for each in see("reconciliation", marts("tiny"), settings).facts]
    assert not {"Tax", "Credits and refunds", "Other charges"} & set(labels)


def test_what_a_bill_has_nothing_of_is_zero_and_not_unknown(marts, settings):
    # June 2 has usage and tax, the others usage alone; June 9 has tax alone, June 10 no bill of its usage.
    tax = {"charge_category": "'tax'", "allocated_cost_usd": "0", "coverage_pct": "null"}
    statements = (
        cell(billed_cost_usd="10", unattributed_cost_usd="10", **tax),
        (
            "update fct_daily_reconciliations set charge_category = 'tax', allocated_cost_usd = 0, unattributed_cost_usd = "
            "billed_cost_usd, coverage_pct = null where usage_date = '2025-06-09'"
        ),
        (
            "update fct_daily_reconciliations set billed_cost_usd = null, allocated_cost_usd = null, "
            "unattributed_cost_usd = null, coverage_pct = null where usage_date = '2025-06-10'"
        ),
    )
    view = see("reconciliation", marts("tiny", *statements), settings)
    names = ("unattributed_usage_cost_usd", "other_charges_cost_usd", "unbilled_estimated_cost_usd")
    seen = {row["usage_date"].day: tuple(row[name] for name in names) for row in rows(view, "reconciliation-days")}
    assert seen[2] == (Decimal("0.25"), 10, 0)
    assert seen[3] == (Decimal("0.25"), 0, 0)
    assert seen[9] == (0, Decimal("2.75"), 0)
    assert seen[10] == (None, None, Decimal("2.5"))
    assert line(view, "billed-by-day", "Tax, credits and others")[date(2025, 6, 3)] == 0


def test_usage_without_a_bill_is_not_known_beside_a_billed_tax(marts, settings):
    unbilled = (
        "update fct_daily_reconciliations set billed_cost_usd = null, allocated_cost_usd = null, "
        "unattributed_cost_usd = null, coverage_pct = null where usage_date = '2025-06-02'"
    )
    tax = (
        "insert into fct_daily_reconciliations by name select * replace ('tax' as charge_category, 10 as billed_cost_usd, "
        "0 as allocated_cost_usd, 10 as unattributed_cost_usd) from fct_daily_reconciliations where usage_date = '2025-06-02'"
    )
    day = rows(see("reconciliation", marts("tiny", unbilled, tax), settings), "reconciliation-days")[0]
    assert (day["unattributed_usage_cost_usd"], day["other_charges_cost_usd"]) == (None, 10)


def test_a_cell_that_does_not_tie_is_said(marts, settings):
    broken = "update fct_daily_reconciliations set billed_cost_usd = 2.76 where usage_date = '2025-06-02'"
    view = see("reconciliation", marts("tiny", broken), settings)
    assert fact(view, "Cells that do not tie") == 1
    assert rows(view, "reconciliation-days")[0]["untied_cost_usd"] == Decimal("0.01")
    assert "In 1 cell billed is not allocated plus unattributed" in warned(view)[0]


def test_a_day_without_a_bill_is_not_nothing(marts, settings):
    unbilled = (
        "update fct_daily_reconciliations set billed_cost_usd = null, allocated_cost_usd = null, "
        "unattributed_cost_usd = null, coverage_pct = null where usage_date = '2025-06-10'"
    )
    eight_days = "update fct_monthly_feature_costs set billed_cost_usd = billed_cost_usd * 8 / 9"
    view = see("reconciliation", marts("tiny", unbilled, eight_days), settings)
    last = rows(view, "reconciliation-days")[-1]
    assert (last["billed_cost_usd"], last["allocated_ratio"]) == (None, None)
    assert last["unbilled_estimated_cost_usd"] == Decimal("2.5")
    assert line(view, "billed-by-day", "Allocated to features")[JUNE_10] is None
    assert line(view, "billed-by-day", "Estimated, no bill yet")[JUNE_10] == 2.5
    assert warned(view) == ["1 day (2025-06-10) without a bill: only the estimate of traced usage is known."]


def test_a_day_that_is_not_settled_is_said(marts, settings):
    late = "update fct_daily_reconciliations set is_settled = false where usage_date >= '2025-06-09'"
    view = see("reconciliation", marts("tiny", late), settings)
    assert warned(view) == ["2 days (2025-06-09 to 2025-06-10) not settled: the bill does not reach past the end yet."]


def test_a_model_has_its_estimate_beside_the_bill(marts, settings):
    # Estimated 9 x 2.50 of a traced share that the bill puts at 9 x 2.00: 25 % too high.
    off = "update fct_daily_reconciliations set error_pct = 25"
    (model,) = rows(see("reconciliation", marts("tiny", off), settings), "reconciliation-models")
    assert model["estimated_cost_usd"] == Decimal("22.5")
    assert model["error_ratio"] == pytest.approx(0.25)


@pytest.mark.parametrize(("bill_usd", "is_warned"), [("0.01", False), ("0.010001", True), ("-0.010001", True)])
def test_a_month_meets_its_bill_within_a_cent(marts, settings, bill_usd, is_warned):
    # 24.75 in both tables, but for what is put on the bill of one day; 9 x 0.000000000003 of rounding is not seen.
    more = (
        f"update fct_daily_reconciliations set billed_cost_usd = billed_cost_usd + {bill_usd}, "
        f"unattributed_cost_usd = unattributed_cost_usd + {bill_usd} where usage_date = '2025-06-02'"
    )
    view = see("reconciliation", marts("tiny", more), settings)
    (month,) = rows(view, "reconciliation-months")
    assert month["billed_cost_usd"] == Decimal("24.75")
    assert month["bill_difference_cost_usd"] == Decimal(bill_usd)
    assert ("A month's features do not add up to its bill; see the table of months." in warned(view)) is is_warned


def test_a_closed_month_shows_its_newest_version_and_checksum(marts, settings):
    closings = ", ".join(
        f"('aws.bedrock', '111122223333', '2025-06-01', {version}, 'invoiced', '{checksum}', 'ff', 'b', {is_current}, "
        "'2025-07-05')"
        for version, checksum, is_current in ((1, "aa", "false"), (2, "bb", "true"))
    )
    closed = "update fct_monthly_feature_costs set is_closed = true, version = 2, closed_at_date = '2025-07-05'"
    restated = (
        "insert into fct_monthly_cost_restatements by name select 'chat' as feature_id, '111122223333' as billing_account_id, "
        "'aws.bedrock' as provider_name, 'usage' as charge_category, 2 as closed_version, 18 as closed_allocated_cost_usd, "
        "20 as restated_allocated_cost_usd, 2 as allocated_cost_difference_usd, date '2025-06-01' as usage_month"
    )
    connection = marts("tiny", f"insert into dim_closed_periods values {closings}", closed, restated)
    view = see("reconciliation", connection, settings)
    (month,) = rows(view, "reconciliation-months")
    assert (month["is_closed"], month["version"], month["costs_sha256"]) == (True, 2, "bb")
    (row,) = rows(view, "restatements")
    assert (row["feature_id"], row["allocated_cost_difference_usd"]) == ("chat", 2)


def test_price_differences_add_up_over_the_month(marts, settings):
    # 9 x 0.10 beyond the list on 9 x 2.75: 0.90 ÷ 23.85.
    (row,) = rows(see("reconciliation", marts("tiny"), settings), "price-differences")
    assert row["day_count"] == 9
    assert row["difference_cost_usd"] == Decimal("0.9")
    assert row["difference_ratio"] == pytest.approx(0.9 / 23.85)


def test_filters_leave_one_month_provider_and_account(marts, settings):
    others = (
        cell(provider_name="'openai'", billing_account_id="'org'", billed_cost_usd="7", unattributed_cost_usd="4.5"),
        cell(usage_date="date '2025-05-31'", billed_cost_usd="5", unattributed_cost_usd="2.5"),
    )
    connection = marts("tiny", *others)
    assert fact(see("reconciliation", connection, settings), "Billed") == Decimal("31.75")
    assert fact(see("reconciliation", connection, settings, provider="openai"), "Billed") == 7
    assert fact(see("reconciliation", connection, settings, account="111122223333"), "Billed") == Decimal("24.75")
    may = see("reconciliation", connection, settings, month="2025-05")
    assert fact(may, "Billed") == 5
    assert [row["usage_date"] for row in rows(may, "reconciliation-days")] == [date(2025, 5, 31)]
