"""What one landing read of several usage days: nothing is written before all of it has been read and checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

from ai_finops.api_calls import ApiCalls
from ai_finops.extract import landings
from ai_finops.extract.accounts import Accounts
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import tables_of

RUN_COLUMNS = ("landing_date", "api_call_number", "bytes_read")
"""Columns that say how a row came here and not what it says: a day is the same, asked for alone or with others."""


@dataclass(slots=True)
class UsageDay:
    """What the source says of one day."""

    usage_date: date
    accounts: Accounts
    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    """By table; a row need not say all columns."""

    @property
    def key(self) -> str:
        """The day's partition."""
        return str(self.usage_date)


def days_until(day: date, *, count: int) -> list[date]:
    """Return `day` and the days before it, `count` in all, the earliest first."""
    return [day - timedelta(days=back) for back in reversed(range(count))]


def write_days(
    days: Sequence[UsageDay],
    *,
    source: str,
    landing_date: date,
    lake: Lake,
    guarded: Collection[str],
    as_of: date,
    api_calls: tuple[ApiCalls, ...],
    allow_empty: bool,
) -> Outcome:
    """Replace the partition of each day, and say how the landing ended.

    Args:
        days: The landing's own day last.
        guarded: Tables that may not lose all their rows unless `allow_empty`.
    Returns:
        The outcome; `empty` when the landing's own day has no row, whatever the days before it brought.
    Raises:
        SourceBroken: A table of some day had rows and has none now; nothing was written.
        LakeError: A partition cannot be written; it and those after it stay as they were.
    """
    for each in days:
        for table in guarded:
            landings.refuse_emptying(
                lake, source, each.key, table=table, row_count=len(each.rows[table]), allow_empty=allow_empty
            )
    totals = Accounts(source, landing_date).totals()
    for each in days:
        # The same content read on another day is the same version.
        lake.write_partition(source, each.key, tables=_tables(each, source, landing_date), ignoring=RUN_COLUMNS)
        counts = each.accounts.totals()
        totals = {name: totals[name] + counts[name] for name in totals}
    has_rows = any(days[-1].rows[table] for table in guarded)
    return landings.outcome(
        source,
        landing_date,
        as_of=as_of,
        totals=totals,
        partitions=tuple(each.key for each in days),
        api_calls=api_calls,
        status="loaded" if has_rows else "empty",
    )


def _tables(day: UsageDay, source: str, landing_date: date) -> dict[str, pa.Table]:
    own = {"objects": day.accounts.objects_table(), "quarantine": day.accounts.quarantine_table()}
    dates = {"usage_date": day.usage_date, "landing_date": landing_date}
    return own | {
        name: _sorted_table([row | dates for row in day.rows[name]], schema)
        for name, schema in tables_of(source).items()
        if name not in own
    }


def _sorted_table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    """Rows in an order that depends on what they say alone."""
    content = [name for name in schema.names if name not in RUN_COLUMNS]
    ordered = sorted(rows, key=lambda row: [repr(row.get(name)) for name in content])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in ordered], schema=schema)
