"""Which price table prices which days: what was published once is not priced again by a newer catalog.

<lake>/prices/0.2.3_1f3a9c04-8d21c0aa.parquet    a price table, as a build used it; never changed
             /ledger.json                        the days that are held to one of them, and what was priced again on purpose

Publishing a build holds all its days to the prices that it used. Later builds price those days so, whatever the installed
catalog and the overlay say by then, and only newer days by what is current. `ai-finops recost` moves days on purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from ai_finops.errors import LakeError
from ai_finops.lake_files import read_sealed_json, sealed_json
from ai_finops.pricing.price_table import FOREVER

if TYPE_CHECKING:
    from ai_finops.lake_store import LakeFolder

_LEDGER = "ledger.json"


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """Usage days that one price table prices."""

    first_day: date
    end_day: date | None
    """The day after the last; None: open."""
    prices: str
    """Name of the price table's file."""

    def to_plain(self) -> dict[str, str | None]:
        """Return it as JSON holds it."""
        return {
            "first_day": str(self.first_day),
            "end_day": str(self.end_day) if self.end_day else None,
            "prices": self.prices,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, str | None]) -> PricePeriod:
        """Read what `to_plain` returned."""
        end = plain["end_day"]
        return cls(date.fromisoformat(plain["first_day"]), date.fromisoformat(end) if end else None, plain["prices"])


@dataclass(frozen=True, slots=True)
class Recosting:
    """Days that were priced again on purpose."""

    first_day: str
    last_day: str
    prices: str
    build_id: str
    """The build that was published with them."""


@dataclass(frozen=True, slots=True)
class PriceLedger:
    """The days that are held, from `FOREVER` on without a gap, and what was priced again."""

    held: tuple[PricePeriod, ...] = ()
    recostings: tuple[Recosting, ...] = ()

    def periods(self, current: str) -> tuple[PricePeriod, ...]:
        """Return what prices each day: the held ones as they are held, all later ones by the table `current`."""
        first = self.held[-1].end_day if self.held else FOREVER
        return merged([*self.held, PricePeriod(first, None, current)])


def merged(periods: Iterable[PricePeriod]) -> tuple[PricePeriod, ...]:
    """Return the periods with neighbours of one price table as one."""
    joined: list[PricePeriod] = []
    for period in periods:
        if joined and joined[-1].prices == period.prices:
            joined[-1] = replace(joined[-1], end_day=period.end_day)
        else:
            joined.append(period)
    return tuple(joined)


def until(periods: Iterable[PricePeriod], end: date) -> tuple[PricePeriod, ...]:
    """Return the part of the periods before `end`."""
    return tuple(
        replace(period, end_day=end if period.end_day is None else min(period.end_day, end))
        for period in periods
        if period.first_day < end
    )


def repriced(periods: Iterable[PricePeriod], *, first: date, last: date, prices: str) -> tuple[PricePeriod, ...]:
    """Return the periods with the days from `first` to `last`, both included, priced by the table `prices`."""
    end = date.fromordinal(last.toordinal() + 1)
    periods = tuple(periods)
    after = [
        replace(period, first_day=max(period.first_day, end))
        for period in periods
        if period.end_day is None or period.end_day > end
    ]
    return merged([*until(periods, first), PricePeriod(first, end, prices), *after])


def prices_of(periods: Iterable[PricePeriod], day: date) -> str:
    """Return the price table of a day."""
    return next(
        period.prices
        for period in periods
        if period.first_day <= day and (period.end_day is None or day < period.end_day)
    )


def read_ledger(folder: LakeFolder) -> PriceLedger:
    """Read the ledger of the price tables in `folder`; an empty one where nothing was published yet.

    Raises:
        LakeError: It cannot be read, or leaves days out.
    """
    path = folder.address(_LEDGER)
    try:
        plain = read_sealed_json(folder.read(_LEDGER))
        held = tuple(PricePeriod.from_plain(period) for period in plain["held"])
        recostings = tuple(Recosting(**each) for each in plain["recostings"])
    except FileNotFoundError:
        return PriceLedger()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(f"could not read the price ledger {path} ({error}); restore it from a backup") from error
    bounds = [FOREVER, *(period.end_day for period in held)]
    if [period.first_day for period in held] != bounds[:-1] or None in bounds or sorted(set(bounds)) != bounds:
        raise LakeError(f"the price ledger {path} does not hold each day once; restore it from a backup")
    return PriceLedger(held, recostings)


def write_ledger(folder: LakeFolder, ledger: PriceLedger) -> None:
    """Replace the ledger, all of it at once.

    Raises:
        LakeError: The disk refuses; the old one stays.
    """
    plain = {
        "held": [period.to_plain() for period in ledger.held],
        "recostings": [asdict(recosting) for recosting in ledger.recostings],
    }
    folder.replace(_LEDGER, sealed_json(plain))


def file_sha256(folder: LakeFolder, period: PricePeriod) -> str:
    """Return the SHA-256 of a period's price table.

    Raises:
        LakeError: The file is not there, or is not the one that its name says.
    """
    path = folder.address(period.prices)
    try:
        sha256 = hashlib.sha256(folder.file(period.prices).read_bytes()).hexdigest()
    except OSError as error:
        raise LakeError(
            f"the price table {path}, which prices usage from {period.first_day} on, cannot be read ({error.strerror}); "
            "restore it from a backup"
        ) from error
    if not period.prices.endswith(f"-{sha256[:8]}.parquet"):
        raise LakeError(
            f"the price table {path}, which prices usage from {period.first_day} on, is damaged: its content is not what "
            "its name says; restore it from a backup"
        )
    return sha256
