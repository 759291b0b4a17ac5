"""How a month's files tie to the bill: each provider and account line by line, then each invoice, then all of it.

`fct_daily_reconciliations` has the bill to the 12th place, `fct_monthly_feature_costs` is what is pulled, and
`rpt_focus_costs` has the invoices. All sums are of exact decimals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.errors import FinanceError
from ai_finops.finance.invoices import OTHER_CHARGES, ZERO, InvoiceKey, InvoicePart, whole_invoices
from ai_finops.finance.month_state import BilledAccount

if TYPE_CHECKING:
    import duckdb

CENT = Decimal("0.01")
"""By how much the rows of an invoice may miss its total, USD."""
_SUM = "Sum of the month"
_SUM_OF_ALL = "Sum of the month, all accounts"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the reconciliation."""

    account: BilledAccount | None
    """Whose it is: of an invoice the account that is invoiced; None for all of them."""
    words: str
    billed_usd: Decimal | None
    """On the bill, to the 12th place."""
    pulled_usd: Decimal | None
    """In feature_costs.csv; None where the line is of the bill alone."""
    difference_usd: Decimal | None
    allowed_usd: Decimal
    """What the difference may be, either way."""
    rule: str

    @property
    def is_met(self) -> bool:
        """Whether the line ties."""
        return self.difference_usd is None or abs(self.difference_usd) <= self.allowed_usd


@dataclass(slots=True)
class _Bill:
    """What the books have of one account and month, USD."""

    allocated: Decimal = ZERO
    unattributed: Decimal = ZERO
    rounding: Decimal = ZERO
    by_category: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    corrections_rounding: Decimal = ZERO
    booked_later: Decimal = ZERO


def reconcile(
    connection: duckdb.DuckDBPyConnection,
    month: date,
    *,
    feature_costs: Iterable[Mapping[str, object]],
    invoices: Sequence[InvoicePart],
) -> list[Line]:
    """Return the lines of each account with a bill in the month, those of each invoice, and the sum of the month.

    Args:
        connection: On published marts.
        month: Its first day.
        feature_costs: The rows that are pulled.
        invoices: What `read_invoices` returned.
    """
    bills, pulled, invoiced = _read_bills(connection, month), _sum_pulled(feature_costs), defaultdict(list)
    for part in invoices:
        invoiced[part.account].append(part.total_usd)
    accounts = sorted(bills.keys() | pulled.keys() | invoiced.keys())
    lines = [
        line
        for account in accounts
        for line in _lines(account, bills.get(account, _Bill()), pulled[account], invoiced=invoiced[account])
    ]
    whole = whole_invoices(invoices)
    return [*lines, *(_invoice_line(*each) for each in whole.items()), *_total_line(lines, invoice_count=len(whole))]


def _invoice_line(key: InvoiceKey, parts: Sequence[InvoicePart]) -> Line:
    """Hold what an invoice, of however many accounts, lost by rounding against a cent.

    Both are of the bill: that features pay it is what the lines of its accounts say, since books have no invoices.
    """
    total = sum((part.total_usd for part in parts), start=ZERO)
    lost = sum((part.rounding_usd for part in parts), start=ZERO)
    words = f"Invoice {key.invoice_id}" if key.is_issued else f"Lines {key.invoice_id}"
    payer = BilledAccount(key.provider_name, key.payer_account_id)
    return Line(payer, words, total, None, lost, CENT, f"lost by rounding, {_within_cents(1)}")


def _total_line(lines: Sequence[Line], *, invoice_count: int) -> Iterator[Line]:
    sums = [line for line in lines if line.words == _SUM]
    if sums:
        total, paid = sum(line.billed_usd for line in sums), sum(line.pulled_usd for line in sums)
        cents = CENT * max(1, invoice_count)
        yield Line(None, _SUM_OF_ALL, total, paid, total - paid, cents, _within_cents(invoice_count))


def _within_cents(invoice_count: int) -> str:
    return "within $0.01" if invoice_count <= 1 else f"within $0.01 for each of {invoice_count} invoices"


def require_tie(month: date, lines: Iterable[Line]) -> None:
    """Check every line.

    Raises:
        FinanceError: One does not tie; the message names the account, the line and by how much.
    """
    for line in lines:
        if not line.is_met:
            raise FinanceError(
                f"{month:%Y-%m} does not tie to the bill: {line.words!r} of {line.account or 'all accounts'} differs by "
                f"{line.difference_usd:f} USD; nothing was written, look at fct_daily_reconciliations of that month"
            )


def _read_bills(connection: duckdb.DuckDBPyConnection, month: date) -> dict[BilledAccount, _Bill]:
    rows = connection.execute(
        """
        select
            provider_name, billing_account_id, charge_category, usage_date < $month or usage_date >= $month + interval 1 month,
            sum(allocated_cost_usd), sum(unattributed_cost_usd), sum(billed_cost_usd), sum(rounding_cost_usd)
        from marts.fct_daily_reconciliations
        where
            billed_cost_usd is not null
            and ((usage_date >= $month and usage_date < $month + interval 1 month) or corrected_month = $month)
        group by all
        """,
        {"month": month},
    ).fetchall()
    bills: dict[BilledAccount, _Bill] = defaultdict(_Bill)
    for provider_name, account_id, category, is_later, allocated, unattributed, billed, rounding in rows:
        bill = bills[BilledAccount(provider_name, account_id)]
        if is_later:
            bill.booked_later += billed + rounding
            continue
        bill.rounding += rounding
        bill.by_category[category] += billed
        if category == "usage":
            bill.allocated += allocated
            bill.unattributed += unattributed
        elif category == "correction":
            bill.corrections_rounding += rounding
    return bills


def _sum_pulled(feature_costs: Iterable[Mapping[str, object]]) -> dict[BilledAccount, dict[str, Decimal]]:
    """Return what is pulled of each account's bill, by charge category; usage that nobody pays as `unattributed`."""
    pulled: dict[BilledAccount, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in feature_costs:
        if row["billed_cost_usd"] is not None:
            category = row["charge_category"]
            if category == "usage" and row["feature_id"] == "unattributed":
                category = "unattributed"
            account = BilledAccount(row["provider_name"], row["billing_account_id"])
            pulled[account][category] += row["billed_cost_usd"]
    return pulled


def _lines(
    account: BilledAccount, bill: _Bill, pulled: Mapping[str, Decimal], *, invoiced: list[Decimal]
) -> list[Line]:
    def line(words: str, billed: Decimal, paid: Decimal) -> Line:
        return Line(account, words, billed, paid, billed - paid, ZERO, "exact")

    corrections = bill.by_category["correction"]
    known = {"usage", "correction", *OTHER_CHARGES}
    strangers = sum((cost for name, cost in bill.by_category.items() if name not in known), start=ZERO)
    pulled_strangers = sum((cost for name, cost in pulled.items() if name not in {*known, "unattributed"}), start=ZERO)
    lines = [
        line("Usage that features pay", bill.allocated, pulled["usage"]),
        line("Usage that no feature pays (unattributed)", bill.unattributed, pulled["unattributed"]),
        *(
            line(
                words,
                bill.by_category[category] + (strangers if category == "other" else ZERO),
                pulled[category] + (pulled_strangers if category == "other" else ZERO),
            )
            for category, words in OTHER_CHARGES.items()
        ),
        line("Corrections of earlier months, closed since", corrections, pulled["correction"]),
    ]
    total = sum(bill.by_category.values(), start=ZERO) + bill.rounding
    paid = sum(pulled.values(), start=ZERO)
    cents = CENT * max(1, len(invoiced))
    lines.append(Line(account, "Rounding to millionths of a dollar", bill.rounding, None, None, ZERO, ""))
    lines.append(Line(account, _SUM, total, paid, total - paid, cents, _within_cents(len(invoiced))))
    return [*lines, *_bridge(account, bill, total=total, invoiced=sum(invoiced, start=ZERO))]


def _bridge(account: BilledAccount, bill: _Bill, *, total: Decimal, invoiced: Decimal) -> list[Line]:
    """Return the way from the invoices of the month, as they read now, to its sum."""
    of_earlier = bill.by_category["correction"] + bill.corrections_rounding
    return [
        Line(account, "Invoices of the month (focus_costs.csv)", invoiced, None, None, ZERO, ""),
        Line(
            account, "plus corrections of earlier months, on those months' invoices", of_earlier, None, None, ZERO, ""
        ),
        Line(
            account, "less corrections of this month, in later months' books", -bill.booked_later, None, None, ZERO, ""
        ),
        Line(
            account,
            "Sum of the month, from its invoices",
            invoiced + of_earlier - bill.booked_later,
            None,
            invoiced + of_earlier - bill.booked_later - total,
            ZERO,
            "exact",
        ),
    ]
