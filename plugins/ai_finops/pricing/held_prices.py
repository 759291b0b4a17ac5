"""How the days of a build come to be held to its prices: noted beside the candidate, entered in the ledger when published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import PublishError
from ai_finops.pricing.price_ledger import PricePeriod, Recosting, prices_of, read_ledger, repriced, until, write_ledger

if TYPE_CHECKING:
    from ai_finops.lake_store import LakeFolder

_FILE = "prices.json"


def write_periods(
    build_folder: Path, periods: Sequence[PricePeriod], *, recosted_days: tuple[date, date] | None = None
) -> None:
    """Note which price table prices which days of a candidate build, and which days were priced again on purpose."""
    plain = {
        "periods": [period.to_plain() for period in periods],
        "recosted_days": [str(day) for day in recosted_days] if recosted_days else None,
    }
    (build_folder / _FILE).write_text(json.dumps(plain, indent=1) + "\n")


def hold_prices(build_folder: Path, *, prices: LakeFolder, as_of: date) -> None:
    """Hold the days of a build that is about to be published to the prices that it used.

    Args:
        build_folder: A candidate build.
        prices: The folder of the price tables and their ledger.
        as_of: First day that is not in the build.
    Raises:
        PublishError: A day that the build holds was published since with other prices than the build has, and nobody asked
            for that; or what the build noted cannot be read.
        LakeError: The ledger cannot be read or written.
    """
    periods, recosted = read_periods(build_folder)
    ledger = read_ledger(prices)
    held_until = ledger.held[-1].end_day if ledger.held else as_of
    held = until(periods, max(as_of, held_until))
    if ledger.held and _apart_from(recosted, until(held, held_until)) != _apart_from(recosted, ledger.held):
        raise PublishError(
            f"{build_folder.name} prices days that were published since otherwise than they are held in {prices}; "
            "make a new build and publish that"
        )
    recostings = ledger.recostings
    if recosted:
        first, last = recosted
        recosting = Recosting(str(first), str(last), prices_of(periods, first), build_folder.name)
        recostings = (*(each for each in recostings if each != recosting), recosting)
    changed = replace(ledger, held=held, recostings=recostings)
    if changed != ledger:
        write_ledger(prices, changed)


def _apart_from(days: tuple[date, date] | None, periods: tuple[PricePeriod, ...]) -> tuple[PricePeriod, ...]:
    return repriced(periods, first=days[0], last=days[1], prices="") if days else periods


def read_periods(build_folder: Path) -> tuple[tuple[PricePeriod, ...], tuple[date, date] | None]:
    """Return what `write_periods` noted: which price table prices which days, and the days priced again on purpose.

    Raises:
        PublishError: It cannot be read.
    """
    path = build_folder / _FILE
    try:
        plain = json.loads(path.read_text())
        periods = tuple(PricePeriod.from_plain(period) for period in plain["periods"])
        recosted = plain["recosted_days"]
        return periods, tuple(date.fromisoformat(day) for day in recosted) if recosted else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PublishError(f"{path} cannot be read ({error}); make a new build and publish that") from error
