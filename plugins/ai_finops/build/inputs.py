"""What a build reads, taken down once: lake partitions, outcomes, prices and the dbt project, and one hash over all of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.closing.closed_ledger import ClosedPeriod, Closing, Period, read_closed
from ai_finops.closing.closing_rule import BILLS, closings, invoiced_months, read_rules
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.errors import BuildError
from ai_finops.lake_schemas import DERIVED_FROM, ISSUED_FAMILIES
from ai_finops.pricing.price_ledger import PricePeriod, file_sha256, read_ledger, repriced

if TYPE_CHECKING:
    import pyarrow as pa

    from ai_finops.build.stations import StationRun
    from ai_finops.lake import Lake, Outcome, PartitionVersion
    from ai_finops.lake_store import LakeFolder

ISSUED = ISSUED_FAMILIES[0]
_READ_WHOLE = frozenset(("billing", "focus", "cost_explorer", "openai", "anthropic"))
"""Bills: every build reads all of them, however long ago they were landed."""
_NOT_PROJECT_SOURCE = ("target", "logs", "dbt_packages")


@dataclass(frozen=True, slots=True)
class Inputs:
    """One consistent look at everything that a build is made of."""

    outcomes: tuple[Outcome, ...]
    partitions: dict[str, tuple[PartitionVersion, ...]]
    """Current partition versions by enabled source and by family made beside one, in key order."""
    price_periods: tuple[PricePeriod, ...]
    """Which price table prices which usage days, without a gap; the last one is open."""
    closed: tuple[ClosedPeriod, ...]
    """Closed periods that stand as they were when they closed."""
    closing: tuple[Closing, ...]
    """Periods that the build finds to be final: publishing it closes them."""
    issued: tuple[PartitionVersion, ...]
    """What was issued on dates before this build's own, which stays as it was."""
    station_runs: tuple[StationRun, ...]
    """How long the stations of builds of days before this build's last one took."""
    as_of_date: date
    """First day that is not in the build: the day after the latest day for which some enabled source gave something."""
    sha256: str


def read_inputs(
    lake: Lake,
    *,
    settings: Settings,
    run_day: date | None,
    recosted_days: tuple[date, date] | None = None,
    closes_again: bool = False,
) -> Inputs:
    """Take down what a build of the lake as it is now reads.

    Args:
        lake: The raw lake; gets a copy of the current prices, so that usage can be priced by them ever after.
        settings: Enabled sources and the dbt project.
        run_day: The day that the build is run for; None for "whatever is there". It must have been landed, but does not
            change what is built: a build is a function of the lake alone.
        recosted_days: First and last usage day to price by the current prices although they are held to others.
        closes_again: Whether closed periods with such days are worked out anew, to be closed again as another version.
    Raises:
        BuildError: Nothing has been loaded, or nothing asked for `run_day`; or a day to price again is in a closed period.
        LakeError: The ledger of prices or of closed periods, or a price table that it names, cannot be read; or a
            file of a bill is not what was landed.
        SettingsError: Seed `closing_rules` says something that is no rule.
    """
    from ai_finops.build.issued import find_issued
    from ai_finops.build.stations import read_runs

    # Outcomes before partitions: a landing that ends in between adds rows of a day after `as_of_date`, never a day
    # that is counted and whose rows are not here.
    outcomes = tuple(outcome for outcome in lake.outcomes() if outcome.source in settings.sources)
    derived = tuple(family for family, source in DERIVED_FROM.items() if source in settings.sources)
    partitions = {source: tuple(lake.current(source).values()) for source in (*settings.sources, *derived)}
    days = {outcome.landing_date for outcome in outcomes}
    # An attempt that got nothing does not move the clock: a day that nobody has data for may be a mistyped one.
    loaded = [outcome.landing_date for outcome in outcomes if outcome.has_content]
    if not loaded or not any(partitions.values()):
        raise BuildError(
            f"the lake {lake.root} holds nothing of {', '.join(settings.sources)}; "
            "land a day first (ai-finops land), then build"
        )
    if run_day is not None and run_day not in days:
        raise BuildError(
            f"no source has landed {run_day}; the lake {lake.root} holds {min(loaded)} to {max(loaded)}, "
            "so land that day first (ai-finops land) or build one of these"
        )
    for bill in _READ_WHOLE & partitions.keys():
        for partition in partitions[bill]:
            lake.require_whole(partition)
    as_of = morning_after(max(loaded))
    closed, closing = _closed_periods(
        lake,
        settings=settings,
        partitions=partitions,
        as_of=as_of,
        recosted_days=recosted_days,
        closes_again=closes_again,
    )
    periods = _price_periods(lake.prices, settings=settings, recosted_days=recosted_days)
    issued = find_issued(lake, before=as_of)
    station_runs = read_runs(lake, before=max(loaded))
    prices = [(*period.to_plain().values(), file_sha256(lake.prices, period)) for period in periods]
    return Inputs(
        outcomes=outcomes,
        partitions=partitions,
        price_periods=periods,
        closed=closed,
        closing=closing,
        issued=issued,
        station_runs=station_runs,
        as_of_date=as_of,
        sha256=_hash_inputs(
            outcomes,
            partitions=partitions,
            prices=prices,
            # Closed by this build or before it: the same rows.
            closings=[*(each.closing for each in closed), *closing],
            issued=issued,
            station_runs=station_runs,
            dbt_project=settings.dbt_project,
        ),
    )


def require_whole_partitions(lake: Lake, inputs: Inputs, *, base: Path | None) -> None:
    """Hold the files that a build will read for the first time against what was landed: a day's, or all from nothing.

    Bills are held against it when the inputs are taken down, in every build.

    Args:
        base: The warehouse that it begins as, which holds what it made of the others.
    Raises:
        LakeError: One is not what was landed; names it and says what to do.
    """
    from ai_finops.build.raw_views import open_warehouse

    known: set[tuple[str, str, str]] = set()
    if base:
        with open_warehouse(base, read_only=True) as warehouse:
            known = set(
                warehouse.execute("select source, partition_key, content_sha256 from raw.lake_partitions").fetchall()
            )
    first_read = (each for source in inputs.partitions.keys() - _READ_WHOLE for each in inputs.partitions[source])
    for partition in sorted(first_read, key=lambda each: (each.source, each.key)):
        if (partition.source, partition.key, partition.content_sha256) not in known:
            lake.require_whole(partition)


def _closed_periods(
    lake: Lake,
    *,
    settings: Settings,
    partitions: dict[str, tuple[PartitionVersion, ...]],
    as_of: date,
    recosted_days: tuple[date, date] | None,
    closes_again: bool,
) -> tuple[tuple[ClosedPeriod, ...], tuple[Closing, ...]]:
    """Return the closed periods that stand, and those that the build closes."""
    from ai_finops.build.raw_views import open_warehouse

    known = read_closed(lake.closed).current()
    moved = {period for period in known if recosted_days and _holds_a_day_of(recosted_days, period)}
    if moved and not closes_again:
        raise BuildError(
            f"{recosted_days[0]} to {recosted_days[1]} has days of closed months ({'; '.join(map(str, sorted(moved)))}), which "
            "do not move; give later days, or --force to close them again as another version"
        )
    standing = tuple(closed for period, closed in known.items() if period not in moved)
    found = [
        Closing(
            period,
            as_of,
            f"priced again on purpose; before: {known[period].closing.rule}",
            known[period].closing.version + 1,
        )
        for period in sorted(moved)
    ]
    with open_warehouse(":memory:") as connection:
        for rule in read_rules(settings.dbt_project / "seeds" / "closing_rules.csv"):
            bills = [partition.file("invoice_totals") for partition in partitions.get(BILLS[rule.billing_source], ())]
            invoiced = invoiced_months(connection, bills)
            found += closings(invoiced, rule=rule, closed=known, as_of=as_of)
    return standing, tuple(found)


def _holds_a_day_of(days: tuple[date, date], period: Period) -> bool:
    return days[0] < period.end and days[1] >= period.usage_month


def _price_periods(
    folder: LakeFolder, *, settings: Settings, recosted_days: tuple[date, date] | None
) -> tuple[PricePeriod, ...]:
    current = keep_prices(_export_prices(settings), folder=folder)
    periods = read_ledger(folder).periods(current)
    if recosted_days is None:
        return periods
    first, last = recosted_days
    return repriced(periods, first=first, last=last, prices=current)


def keep_prices(prices: pa.Table, *, folder: LakeFolder) -> str:
    """Keep the prices that a build uses in the lake, under a name that says their version and content.

    Returns:
        The name of the Parquet file; one that was there already with the same content is left as it is.
    """
    from ai_finops.lake_files import parquet_bytes

    data = parquet_bytes(prices)
    versions = sorted(set(prices["catalog_version"].to_pylist()), key=str)
    label = re.sub(r"[^\w.+-]+", "-", "_".join(map(str, versions)))
    file = f"{label}-{hashlib.sha256(data).hexdigest()[:8]}.parquet"
    if not folder.has(file):
        folder.replace(file, data)
    return file


def _export_prices(settings: Settings) -> pa.Table:
    from ai_finops.pricing.catalog import export_prices

    return export_prices(overlay=settings.dbt_project / "seeds" / "price_overlay.csv")


def _hash_inputs(
    outcomes: tuple[Outcome, ...],
    *,
    partitions: dict[str, tuple[PartitionVersion, ...]],
    prices: list[tuple],
    closings: list[Closing],
    issued: tuple[PartitionVersion, ...],
    station_runs: tuple[StationRun, ...],
    dbt_project: Path,
) -> str:
    """Hash what the marts are a function of; when and how often something was landed is not part of it."""
    parts = {
        "project": version("ai-finops"),
        "prices": prices,
        "closed": sorted((str(closing.period), closing.version) for closing in closings),
        # What is made later of dates that nobody issued is the doing of a build of this lake, as are the prices that it holds.
        "issued": {each.key: each.content_sha256 for each in issued if each.source == ISSUED},
        "station_runs": [(str(each.run_date), each.station_name, each.row_count) for each in station_runs],
        "dbt_project": file_hashes(project_files(dbt_project), root=dbt_project),
        "partitions": {
            source: {partition.key: partition.content_sha256 for partition in versions}
            for source, versions in partitions.items()
        },
        "outcomes": [_without_run(json.loads(outcome.to_json())) for outcome in outcomes],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _without_run(outcome: dict) -> dict:
    return {
        name: value for name, value in outcome.items() if name not in ("extracted_at", "as_of_date", "landing_seconds")
    }


def file_hashes(files: Iterable[Path], *, root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file by its path below `root`."""
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def project_files(dbt_project: Path) -> list[Path]:
    """Return the files that dbt compiles, seeds included, in order."""
    return sorted(
        path
        for path in dbt_project.rglob("*")
        if path.suffix in (".sql", ".yml", ".csv", ".md")
        and path.relative_to(dbt_project).parts[0] not in _NOT_PROJECT_SOURCE
        and not any(part.startswith(".") for part in path.relative_to(dbt_project).parts)
    )
