"""Which months are closed, by what rule, and the checksums of what they were.

<lake>/closed/2025-06-fct_daily_allocated_costs-8d21c0aa.parquet    what a month was when it closed; never changed
             /ledger.json                                           every closing, the versions of one month beside each other
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from ai_finops.errors import LakeError
from ai_finops.lake_files import as_lake_error, file_sha256, read_sealed_json, sealed_json
from ai_finops.lake_store import LakeFolder

_LEDGER = "ledger.json"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month of one provider and account."""

    provider_name: str
    billing_account_id: str
    usage_month: date
    """Its first day."""

    def __str__(self) -> str:
        return f"{self.usage_month:%Y-%m} of {self.provider_name}, account {self.billing_account_id}"

    @property
    def end(self) -> date:
        """The first day after it."""
        return month_after(self.usage_month)


@dataclass(frozen=True, slots=True)
class Closing:
    """That a period is final, as a build finds it: not recorded yet."""

    period: Period
    closed_at: date
    """The build's clock: the first day that was not in it."""
    rule: str
    """Why it may be closed, in words."""
    version: int
    """1, and one more each time that it was closed again on purpose."""


@dataclass(frozen=True, slots=True)
class FrozenTable:
    """Rows of one mart as they were when the period closed."""

    file: str
    sha256: str
    row_count: int


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A recorded closing, and where the rows lie."""

    closing: Closing
    build_id: str
    """The build that was published with it."""
    tables: dict[str, FrozenTable]
    """By mart."""


@dataclass(frozen=True, slots=True)
class ClosedLedger:
    """Every closing that was ever recorded, oldest first."""

    closings: tuple[ClosedPeriod, ...] = ()

    def current(self) -> dict[Period, ClosedPeriod]:
        """Return the newest version of each closed period, in order."""
        newest = {closed.closing.period: closed for closed in sorted(self.closings, key=lambda c: c.closing.version)}
        return dict(sorted(newest.items()))


def month_after(month: date) -> date:
    """Return the first day of the month after that of `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def read_closed(folder: LakeFolder) -> ClosedLedger:
    """Read the ledger in `folder`; an empty one where nothing was closed yet.

    Raises:
        LakeError: It cannot be read.
    """
    if not folder.has(_LEDGER):
        return ClosedLedger()
    doing = f"read the ledger of closed periods {folder.address(_LEDGER)}"
    with as_lake_error(doing, then="restore it from a backup"):
        return ClosedLedger(tuple(_from_plain(plain) for plain in read_sealed_json(folder.read(_LEDGER))["closings"]))


def write_closed(folder: LakeFolder, ledger: ClosedLedger) -> None:
    """Replace the ledger, all of it at once.

    Raises:
        LakeError: The disk refuses; the old one stays.
    """
    plain = {"closings": [_to_plain(closed) for closed in ledger.closings]}
    folder.replace(_LEDGER, sealed_json(plain))


def frozen_files(folder: LakeFolder, closed: Iterable[ClosedPeriod], *, table: str) -> list[Path]:
    """Return the files of a mart's frozen rows, each checked against its checksum.

    Raises:
        LakeError: One is not there, or is not what was written when its month closed.
    """
    files = []
    for each in closed:
        frozen = each.tables[table]
        path = folder.address(frozen.file)
        doing = f"read {path}, what {each.closing.period} was when it closed"
        with as_lake_error(doing, then="restore it from a backup"):
            file = folder.file(frozen.file)
            sha256 = file_sha256(file)
        if sha256 != frozen.sha256:
            raise LakeError(
                f"{path} is not what {each.closing.period} was when it closed: its SHA-256 is {sha256} and the ledger says "
                f"{frozen.sha256}; restore it from a backup"
            )
        files.append(file)
    return files


def _to_plain(closed: ClosedPeriod) -> dict:
    closing = closed.closing
    return {
        "provider_name": closing.period.provider_name,
        "billing_account_id": closing.period.billing_account_id,
        "usage_month": str(closing.period.usage_month),
        "version": closing.version,
        "closed_at": str(closing.closed_at),
        "rule": closing.rule,
        "build_id": closed.build_id,
        "tables": {name: asdict(table) for name, table in closed.tables.items()},
    }


def _from_plain(plain: dict) -> ClosedPeriod:
    month = date.fromisoformat(plain["usage_month"])
    period = Period(plain["provider_name"], plain["billing_account_id"], month)
    closing = Closing(period, date.fromisoformat(plain["closed_at"]), plain["rule"], plain["version"])
    tables = {name: FrozenTable(**table) for name, table in plain["tables"].items()}
    return ClosedPeriod(closing, plain["build_id"], tables)
