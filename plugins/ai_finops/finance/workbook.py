"""The sheets of a month's workbook: summary, feature costs, FOCUS, reconciliation, invoices, changes, definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from ai_finops.finance.changes import Change
from ai_finops.finance.definitions import Definition
from ai_finops.finance.invoices import OTHER_CHARGES, InvoicePart, whole_invoices
from ai_finops.finance.month_state import MonthState
from ai_finops.finance.reconciliation import Line
from ai_finops.finance.tables import MonthTable
from ai_finops.finance.totals import Totals
from ai_finops.sheets import Cell, Sheet, SheetColumn

MOST_FOCUS_ROWS = 20_000
"""In the workbook of a month; more of them get one of their own, so that this one opens quickly."""
_FIRST = (
    *("feature_id", "display_name", "team", "owner", "charge_category", "cost_status", "billed_cost_usd"),
    *("estimated_cost_usd", "allocated_cost_usd", "request_count", "provider_name", "billing_account_id"),
)
"""Columns that a person looks for; the sheet begins with them, and the CSV keeps the order of the mart."""


@dataclass(frozen=True, slots=True)
class MonthContent:
    """All that a month's files say."""

    state: MonthState
    version: int | None
    """Of a final month; None while it is provisional."""
    feature_costs: MonthTable
    focus_costs: MonthTable
    focus_row_count: int
    totals: Totals
    lines: Sequence[Line]
    invoices: Sequence[InvoicePart]
    definitions: Sequence[Definition]
    changes: Sequence[Change]

    @property
    def status(self) -> str:
        """`final` or `provisional`."""
        return "provisional" if self.version is None else "final"

    @property
    def is_focus_apart(self) -> bool:
        """Whether the FOCUS rows are in a workbook of their own."""
        return self.focus_row_count > MOST_FOCUS_ROWS


def sheets_of(content: MonthContent, *, sha256s: dict[str, str]) -> list[Sheet]:
    """Return the sheets of the workbook.

    Args:
        content: What they say.
        sha256s: SHA-256 of each CSV file beside it, by name.
    """
    return [
        _summary(content, sha256s=sha256s),
        content.feature_costs.sheet("Feature costs", first=_FIRST, frozen_columns=1, pages_wide=2),
        _reconciliation(content.lines),
        _invoices(content.invoices),
        _changes(content),
        _definitions(content.definitions),
        *([] if content.is_focus_apart else [focus_sheet(content)]),
    ]


def focus_sheet(content: MonthContent) -> Sheet:
    """Return the only sheet of the workbook of FOCUS rows, where there is one."""
    return content.focus_costs.sheet("FOCUS")


def _summary(content: MonthContent, *, sha256s: dict[str, str]) -> Sheet:
    columns = (SheetColumn("item", width=40), SheetColumn("value", width=30), SheetColumn("note", "note", 90))
    rows = [*_about(content), *_amounts(content.totals), *_unknowns(content.totals), *_files(content, sha256s)]
    return Sheet("Summary", columns, rows)


def _about(content: MonthContent) -> Iterator[tuple]:
    state = content.state
    final = "every provider and account that billed in the month is closed; these files do not change any more"
    provisional = "not every bill of the month is closed; the amounts may still change"
    yield "Month", Cell(state.month, "month"), None
    yield "Status", content.status, final if content.version else provisional
    yield "Version", Cell(content.version or 0, "count"), "0 while provisional; a restatement makes the next one"
    yield "Build", state.build_id, "the published build that these rows are from"
    yield "As of", Cell(state.as_of_date, "date"), "the build's clock: the first day that is not in it"
    for closed in state.closed:
        said = f"closed on {closed.closed_at_date} as version {closed.version}: {closed.rule}"
        yield "Closed", closed.billing_account_id, f"{closed.provider_name}, {said}"
    for account in state.open:
        yield "Open", account.billing_account_id, f"{account.provider_name}, not closed yet"


def _amounts(totals: Totals) -> Iterator[tuple]:
    yield (
        "Billed, USD",
        Cell(totals.billed_usd, "usd"),
        "what this month's books have of bills, corrections of earlier months included; Reconciliation leads to the invoices",
    )
    for words, cost in totals.parts_usd.items():
        yield f"   {words}", Cell(cost, "usd"), None
    yield (
        "Estimated, not billed yet, USD",
        Cell(totals.estimated_usd, "usd"),
        "usage on days without a bill, at list prices; not part of what ties",
    )
    yield "Billed and estimated, USD", Cell(totals.allocated_usd, "usd"), "sum of allocated_cost_usd"


def _unknowns(totals: Totals) -> Iterator[tuple]:
    empty = "their cost is an empty cell and not 0: there is no bill and no price"
    yield "Rows of unknown cost", Cell(totals.unknown_row_count, "count"), empty
    yield (
        "Calls of unknown cost",
        Cell(totals.unknown_call_count, "count"),
        "with usage, and neither a bill nor a price",
    )
    yield "Tokens of unknown cost", Cell(totals.unknown_tokens, "count"), None


def _files(content: MonthContent, sha256s: dict[str, str]) -> Iterator[tuple]:
    yield "Rows of feature costs", Cell(content.totals.row_count, "count"), None
    apart = "in a workbook of their own, focus_costs" if content.is_focus_apart else None
    yield "Rows of FOCUS", Cell(content.focus_row_count, "count"), apart
    for name, sha256 in sha256s.items():
        yield f"SHA-256 of {name}", None, sha256
    yield (
        "Exact amounts",
        None,
        "a cell here holds about 15 digits; the CSV files have every digit. No cell holds a formula.",
    )


def _reconciliation(lines: Sequence[Line]) -> Sheet:
    columns = (
        SheetColumn("line", width=58),
        SheetColumn("provider_name", width=16),
        SheetColumn("billing_account_id", width=20),
        SheetColumn("billed_cost_usd", "usd", 18),
        SheetColumn("feature_costs_usd", "usd", 18),
        SheetColumn("difference_usd", "usd", 16),
        SheetColumn("rule", width=38),
        SheetColumn("is_met", width=8),
    )
    rows = [
        (
            line.words,
            line.account and line.account.provider_name,
            line.account and line.account.billing_account_id,
            line.billed_usd,
            line.pulled_usd,
            line.difference_usd,
            line.rule or None,
            line.is_met if line.rule else None,
        )
        for line in lines
    ]
    return Sheet("Reconciliation", columns, rows, frozen_columns=1)


def _invoices(parts: Sequence[InvoicePart]) -> Sheet:
    columns = (
        SheetColumn("invoice_id", width=24),
        SheetColumn("provider_name", width=16),
        SheetColumn("payer_account_id", width=20),
        SheetColumn("billing_account_id", width=20),
        SheetColumn("billing_currency", width=17),
        SheetColumn("billed_cost", "usd", 16),
        *(SheetColumn(name, "usd", max(18, len(name) + 2)) for name in _invoice_amounts(())),
    )
    rows: list[tuple] = []
    for key, own in whole_invoices(parts).items():
        named = (key.invoice_id, key.provider_name, key.payer_account_id)
        accounts = [(part.account.billing_account_id, [part]) for part in own]
        if len(own) > 1:
            accounts.append((f"all {len(own)} accounts", own))
        for account, these in accounts:
            billed = sum(part.billed for part in these)
            rows.append((*named, account, key.billing_currency, billed, *_invoice_amounts(these).values()))
    if rows:
        rows.append(("Total", *(None,) * 5, *_invoice_amounts(parts).values()))
    return Sheet("Invoices", columns, rows, frozen_columns=1)


def _invoice_amounts(parts: Sequence[InvoicePart]) -> dict[str, Decimal]:
    """Return the sums of parts of invoices, USD, by the names of their columns."""
    sums = dict.fromkeys(("allocated_cost_usd", "unattributed_cost_usd"), Decimal(0))
    sums |= {f"{category}_cost_usd": Decimal(0) for category in OTHER_CHARGES}
    sums |= {"invoice_total_usd": Decimal(0), "rounding_cost_usd": Decimal(0)}
    for part in parts:
        sums["allocated_cost_usd"] += part.allocated_usd
        sums["unattributed_cost_usd"] += part.unattributed_usd
        for category, cost_usd in part.other_usd.items():
            sums[f"{category}_cost_usd"] += cost_usd
        sums["invoice_total_usd"] += part.total_usd
        sums["rounding_cost_usd"] += part.rounding_usd
    return sums


def _changes(content: MonthContent) -> Sheet:
    columns = (
        SheetColumn("feature_id", width=30),
        SheetColumn("charge_category", width=17),
        SheetColumn("provider_name", width=16),
        SheetColumn("billing_account_id", width=20),
        SheetColumn("before_cost_usd", "usd", 18),
        SheetColumn("after_cost_usd", "usd", 18),
        SheetColumn("difference_usd", "usd", 16),
    )
    if content.version is None or content.version == 1:
        said = (
            "The month is provisional."
            if content.version is None
            else "The first final version: there is none before it."
        )
        return Sheet("Changes", columns, [(said, *(None,) * 6)])
    rows = [_change(each) for each in content.changes]
    total = sum((each.difference_usd for each in content.changes), start=Decimal(0))
    return Sheet("Changes", columns, [*rows, ("Total", *(None,) * 5, total)], frozen_columns=1)


def _change(change: Change) -> tuple:
    provider_name, account_id, feature_id, category = change.key
    amounts = (change.before_usd, change.after_usd, change.difference_usd)
    return feature_id, category, provider_name, account_id, *amounts


def _definitions(definitions: Sequence[Definition]) -> Sheet:
    widths = {"file": 20, "column": 36, "meaning": 90, "unit": 28, "kind": 18, "mart": 28}
    columns = tuple(
        SheetColumn(each.name, "note" if each.name == "meaning" else "text", widths[each.name])
        for each in fields(Definition)
    )
    rows = [tuple(getattr(each, column.name) for column in columns) for each in definitions]
    return Sheet("Definitions", columns, rows, frozen_columns=2, has_filter=True)
