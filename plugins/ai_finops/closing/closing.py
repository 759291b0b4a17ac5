"""Close what a build found to be final, as a part of publishing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ai_finops.closing.closed_ledger import (
    ClosedLedger,
    ClosedPeriod,
    Closing,
    Period,
    read_closed,
    write_closed,
)
from ai_finops.closing.frozen_rows import freeze
from ai_finops.errors import PublishError
from ai_finops.lake_store import LakeFolder

if TYPE_CHECKING:
    import duckdb


def plan_closings(
    connection: duckdb.DuckDBPyConnection, *, database: str, build_id: str, folder: LakeFolder
) -> ClosedLedger:
    """Keep the rows of the periods that a build closes, and return the ledger as it is once the build is published.

    The ledger itself stays as it is. A build whose closings are in it already (it was killed while it was published, or is
    published again) gets it as it stands.

    Args:
        connection: Has the build's warehouse attached.
        database: The name that the warehouse is attached by.
        build_id: Its build.
        folder: The lake's folder of closed periods.
    Raises:
        PublishError: Periods were closed since the build was prepared.
        LakeError: The ledger cannot be read, or the disk refuses.
    """
    ledger = read_closed(folder)
    frozen, closing = _noted(connection, database=database)
    planned = [
        ClosedPeriod(each, build_id, freeze(connection, each, database=database, folder=folder)) for each in closing
    ]
    before = [closed for closed in ledger.closings if closed not in planned]
    if {period: closed.closing.version for period, closed in ClosedLedger(tuple(before)).current().items()} != frozen:
        raise PublishError(
            f"other periods are closed in {folder} than when {build_id} was prepared; make a new build and publish that"
        )
    return ClosedLedger((*before, *planned))


def record_closings(folder: LakeFolder, planned: ClosedLedger) -> None:
    """Make `planned` the ledger.

    Raises:
        LakeError: The disk refuses; the old one stays.
    """
    if planned != read_closed(folder):
        write_closed(folder, planned)


def _noted(connection: duckdb.DuckDBPyConnection, *, database: str) -> tuple[dict[Period, int], Sequence[Closing]]:
    """Return what a build was prepared with: versions of the closed periods that it read, and the closings that it found."""
    columns = "provider_name, billing_account_id, usage_month, closed_at, rule, version, is_frozen"
    noted = f"select {columns} from {database}.raw.closed_periods order by all"  # noqa: S608 - our own names
    rows = connection.execute(noted).fetchall()
    frozen: dict[Period, int] = {}
    closing = []
    for provider_name, account_id, month, closed_at, rule, version, is_frozen in rows:
        period = Period(provider_name, account_id, month)
        if is_frozen:
            frozen[period] = version
            continue
        closing.append(Closing(period, closed_at, rule, version))
        if version > 1:
            frozen[period] = version - 1
    return frozen, closing


def ledger_rows(ledger: ClosedLedger) -> list[dict]:
    """Return the rows of `dim_closed_periods`: one for each closing that was ever recorded."""
    current = ledger.current()
    return [
        {
            "provider_name": closed.closing.period.provider_name,
            "billing_account_id": closed.closing.period.billing_account_id,
            "usage_month": closed.closing.period.usage_month,
            "version": closed.closing.version,
            "rule": closed.closing.rule,
            "costs_sha256": closed.tables["fct_daily_allocated_costs"].sha256,
            "reconciliations_sha256": closed.tables["fct_daily_reconciliations"].sha256,
            "build_id": closed.build_id,
            "is_current": current[closed.closing.period] == closed,
            "closed_at_date": closed.closing.closed_at,
        }
        for closed in sorted(ledger.closings, key=lambda closed: (closed.closing.period, closed.closing.version))
    ]
