"""When a month is final: every line of its bill carries an invoice id, and enough days have passed since it ended."""

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


def invoiced_months(connection: duckdb.DuckDBPyConnection, bills: Sequence[Path]) -> list[tuple[str, date]]:
    """Return the accounts and months of which every line that may concern AI is on an invoice.

    Args:
        connection: A DuckDB connection.
        bills: Files of table `billing/invoice_totals`, one for each billing period.
    Returns:
        Account that used the services, and first day of the billing period.
    """
    if not bills:
        return []
    return connection.execute(
        """
        select line_item_usage_account_id, cast(billing_period || '-01' as date)
        from read_parquet($bills, hive_partitioning = false, union_by_name = true)
        where is_landed
        group by all
        having bool_and(coalesce(bill_invoice_id, '') != '')
        order by all
        """,
        {"bills": [str(path) for path in bills]},
    ).fetchall()


def closings(
    invoiced: Iterable[tuple[str, date]], *, rule: ClosingRule, closed: Iterable[Period], as_of: date
) -> list[Closing]:
    """Return the periods that are final by `as_of` and not closed yet.

    Args:
        invoiced: What `invoiced_months` returned.
        rule: The rule of the provider whose bill that is.
        closed: Periods that are closed already.
        as_of: First day that is not known yet.
    """
    known = set(closed)
    periods = [Period(rule.provider_name, account, month) for account, month in invoiced]
    words = f"all lines have an invoice id, and {rule.closes_after_days} days have passed since the month ended"
    return [
        Closing(period, as_of, words, version=1)
        for period in sorted(periods)
        if period not in known and as_of >= period.end + timedelta(days=rule.closes_after_days)
    ]
