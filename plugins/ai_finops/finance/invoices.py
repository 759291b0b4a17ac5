"""The invoices of a month: what became of each, and what of it the books lost by rounding.

Under consolidated billing an invoice is for many accounts, and an account's month may stand on several invoices. So an
invoice is read in parts, one an account, and is whole with all of its parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.finance.month_state import BilledAccount

if TYPE_CHECKING:
    import duckdb

ZERO = Decimal(0)
NOT_INVOICED = "not invoiced yet"
OTHER_CHARGES = {"credit": "Credits", "refund": "Refunds", "tax": "Tax", "support": "Support", "other": "Other charges"}
"""Charges that no feature pays, by category; rows of their own, also where there are none."""
_SMALLEST = Decimal("1e-12")
"""USD; the place to which bills are exact."""


@dataclass(frozen=True, slots=True, order=True)
class InvoiceKey:
    """What one invoice is known by. Lines that have no invoice yet are one of their own for each payer."""

    provider_name: str
    payer_account_id: str
    """The account that is invoiced."""
    invoice_id: str
    billing_currency: str

    @property
    def is_issued(self) -> bool:
        """Whether it has an id yet."""
        return self.invoice_id != NOT_INVOICED


@dataclass(frozen=True, slots=True)
class InvoicePart:
    """What an invoice says of one account, by what became of it."""

    key: InvoiceKey
    account: BilledAccount
    billed: Decimal
    """In the billing currency."""
    allocated_usd: Decimal
    unattributed_usd: Decimal
    other_usd: Mapping[str, Decimal]
    """By charge category, as in `OTHER_CHARGES`."""
    rounding_usd: Decimal
    """What the day's cells that its lines are in lost by rounding to millionths of a dollar."""

    @property
    def total_usd(self) -> Decimal:
        """All of it."""
        return self.allocated_usd + self.unattributed_usd + sum(self.other_usd.values(), start=ZERO)


def whole_invoices(parts: Iterable[InvoicePart]) -> dict[InvoiceKey, list[InvoicePart]]:
    """Return the parts of each invoice, in order."""
    whole: dict[InvoiceKey, list[InvoicePart]] = defaultdict(list)
    for part in parts:
        whole[part.key].append(part)
    return dict(sorted(whole.items()))


def read_invoices(connection: duckdb.DuckDBPyConnection, month: date) -> list[InvoicePart]:
    """Return the invoices of a month in their parts, those of one invoice together."""
    charges = connection.execute(
        """
        select
            x_ProviderId, BillingAccountId, coalesce(InvoiceId, $not_invoiced), BillingCurrency, SubAccountId, x_ChargeKind,
            x_FeatureId is not distinct from 'unattributed', x_BilledDate, x_ModelId, x_TokenClass, x_RegionScope, x_Processing,
            sum(BilledCost), sum(x_BilledCostUsd)
        from marts.rpt_focus_costs
        where x_BilledDate >= $month and x_BilledDate < $month + interval 1 month
        group by all
        order by all
        """,
        {"month": month, "not_invoiced": NOT_INVOICED},
    ).fetchall()
    sums: dict[tuple[InvoiceKey, BilledAccount], list[tuple]] = defaultdict(list)
    cells: dict[tuple, dict[tuple, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for provider_name, payer_id, invoice_id, currency, account_id, kind, is_unattributed, *cell, billed, usd in charges:
        part = InvoiceKey(provider_name, payer_id, invoice_id, currency), BilledAccount(provider_name, account_id)
        sums[part].append((kind, is_unattributed, billed or ZERO, usd or ZERO))
        cells[provider_name, account_id, kind, *cell][part] += usd or ZERO
    rounding = _rounding_by_part(cells, _read_rounding(connection, month))
    return [_part(*part, sums=found, rounding=rounding[part]) for part, found in sorted(sums.items())]


def _read_rounding(connection: duckdb.DuckDBPyConnection, month: date) -> dict[tuple, Decimal]:
    """Return what each cell of the month's own bill lost; corrections are of other months' invoices."""
    rows = connection.execute(
        """
        select
            provider_name, billing_account_id, charge_category, usage_date, model_id, token_class, region_scope, processing,
            sum(rounding_cost_usd)
        from marts.fct_daily_reconciliations
        where
            usage_date >= $month and usage_date < $month + interval 1 month and charge_category != 'correction'
            and rounding_cost_usd != 0
        group by all
        """,
        {"month": month},
    ).fetchall()
    return {tuple(cell): lost for *cell, lost in rows}


def _rounding_by_part(
    cells: Mapping[tuple, Mapping[tuple, Decimal]], rounding: Mapping[tuple, Decimal]
) -> dict[tuple, Decimal]:
    """Give what a cell lost to the invoice that its lines are on; of several, to each by its share of the cell.

    A cell of a closed month that the bill has no line in any more stands on no invoice, and what it lost on none.
    """
    lost: dict[tuple, Decimal] = defaultdict(Decimal)
    for cell, parts in cells.items():
        left = rounding.get(cell, ZERO)
        whole = sum(map(abs, parts.values()), start=ZERO)
        *others, last = parts
        for part in others:
            share = (rounding.get(cell, ZERO) * abs(parts[part]) / whole).quantize(_SMALLEST) if whole else ZERO
            lost[part] += share
            left -= share
        lost[last] += left
    return lost


def _part(key: InvoiceKey, account: BilledAccount, *, sums: list[tuple], rounding: Decimal) -> InvoicePart:
    usage = {False: ZERO, True: ZERO}
    other = dict.fromkeys(OTHER_CHARGES, ZERO)
    for category, is_unattributed, _, cost_usd in sums:
        if category == "usage":
            usage[is_unattributed] += cost_usd
        else:
            other[category if category in other else "other"] += cost_usd
    billed = sum((cost for _, _, cost, _ in sums), start=ZERO)
    return InvoicePart(key, account, billed, usage[False], usage[True], other, rounding)
