"""When a month is final: every line of its bill carries an invoice id, and enough days have passed since it ended.

An account that no longer uses AI is still on the bill with other services. Its months close too, as months without a charge:
else what corrects its earlier ones would stand in a month of its own that stays open for ever.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.closing.closed_ledger import Closing, Period
from ai_finops.errors import SettingsError

if TYPE_CHECKING:
    import duckdb

BILLS = {"aws_cur": "billing"}
"""The lake's source of each billing source whose months can be closed, as seed `billing_sources` names it."""


@dataclass(frozen=True, slots=True)
class ClosingRule:
    """How long after its end a month of a provider closes, by one billing source."""

    provider_name: str
    billing_source: str
    closes_after_days: int


def read_rules(path: Path) -> list[ClosingRule]:
    """Read seed `closing_rules`.

    Raises:
        SettingsError: It is missing, or a line says something that is no rule.
    """
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
        return [
            _rule(row["provider_name"], row["billing_source"], row["closes_after_days"], where=f"{path} line {number}")
            for number, row in enumerate(rows, start=2)
        ]
    except (OSError, KeyError) as error:
        raise SettingsError(
            f"{path} cannot be read ({error!r}); it may hold no rule, but must exist, with the columns provider_name, "
            "billing_source and closes_after_days"
        ) from error


def _rule(provider_name: str, billing_source: str, days: str, *, where: str) -> ClosingRule:
    if billing_source not in BILLS:
        raise SettingsError(f"{where}: {billing_source} is no bill whose months close; known are {', '.join(BILLS)}")
    # On the day after a month there is no day of the next one yet that could take what comes later.
    if not days.isdecimal() or int(days) < 1:
        raise SettingsError(f"{where}: closes_after_days is {days!r}; give a whole number of days, 1 or more")
    return ClosingRule(provider_name, billing_source, int(days))


@dataclass(frozen=True, slots=True, order=True)
class InvoicedMonth:
    """A month of an account that has an invoice."""

    usage_month: date
    """First day of the billing period."""
    billing_account_id: str
    """That used the services."""
    has_ai: bool = True
    """Whether a line of it may concern AI."""


def invoiced_months(connection: duckdb.DuckDBPyConnection, bills: Sequence[Path]) -> list[InvoicedMonth]:
    """Return the months of accounts that have an invoice and of which every line that may concern AI is on one.

    Args:
        connection: A DuckDB connection.
        bills: Files of table `billing/invoice_totals`, one for each billing period.
    """
    if not bills:
        return []
    rows = connection.execute(
        """
        select cast(billing_period || '-01' as date), line_item_usage_account_id, bool_or(is_landed)
        from read_parquet($bills, hive_partitioning = false, union_by_name = true)
        where line_item_usage_account_id is not null
        group by all
        having bool_or(coalesce(bill_invoice_id, '') != '') and bool_and(coalesce(bill_invoice_id, '') != '' or not is_landed)
        order by all
        """,
        {"bills": [str(path) for path in bills]},
    ).fetchall()
    return [InvoicedMonth(*row) for row in rows]


def closings(
    invoiced: Iterable[InvoicedMonth], *, rule: ClosingRule, closed: Iterable[Period], as_of: date
) -> list[Closing]:
    """Return the periods that are final by `as_of` and not closed yet.

    A month without AI closes for an account that has an earlier month closed, and no later one.

    Args:
        invoiced: What `invoiced_months` returned.
        rule: The rule of the provider whose bill that is.
        closed: Periods that are closed already.
        as_of: First day that is not known yet.
    """
    known = {period for period in closed if period.provider_name == rule.provider_name}
    last: dict[str, date] = {}
    for period in sorted(known, key=lambda period: period.usage_month):
        last[period.billing_account_id] = period.usage_month
    days = f"{rule.closes_after_days} days have passed since the month ended"
    found = []
    for each in sorted(invoiced):
        account, month = each.billing_account_id, each.usage_month
        period = Period(rule.provider_name, account, month)
        follows = account in last and month > last[account]
        if period in known or as_of < period.end + timedelta(days=rule.closes_after_days):
            continue
        if each.has_ai or follows:
            words = "all lines have an invoice id" if each.has_ai else "it has an invoice, on which no line concerns AI"
            found.append(Closing(period, as_of, f"{words}, and {days}", version=1))
            last[account] = max(month, last.get(account, month))
    return sorted(found, key=lambda closing: closing.period)
