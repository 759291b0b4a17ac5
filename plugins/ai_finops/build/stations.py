"""How long each station of a build took: noted in its folder, and kept in the lake once the build is published.

<build_dir>/stations/<station>.json      written when the station has ended well; the attempt that ended so last counts
<lake>/runs/<last day>.json              the stations of the build published last of those that hold this day as their last

A build reads what is kept of days before its own last one, which never changes once a later day is published; so from the
same lake come the same rows. Why: docs/decisions/0029-what-a-run-took.md
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ai_finops.errors import BuildError, LakeError
from ai_finops.lake import Lake
from ai_finops.lake_files import replace_file

STATIONS = ("prepare_build", "build_costs", "analyse_costs", "build_reviews", "check_marts", "publish_marts")
"""In order, by the names of the tasks of `build_marts`."""
_IS_RUN = re.compile(r"\d{4}-\d{2}-\d{2}\.json")


@dataclass(slots=True)
class Station:
    """One station of a build while it runs, and what it says of itself."""

    row_count: int | None = None
    """Rows that it made; None where it makes none."""


@dataclass(frozen=True, slots=True)
class StationRun:
    """How one station of a published build went."""

    station_name: str
    run_seconds: float
    """By the clock, without the wait for another writer."""
    row_count: int | None
    ended_at: datetime
    run_date: date
    """The last day that the build held."""


@contextmanager
def station(folder: Path, name: str) -> Iterator[Station]:
    """Time the block and note it in a candidate's folder, if it ends well."""
    running, started = Station(), time.monotonic()
    yield running
    note(folder, name, seconds=time.monotonic() - started, row_count=running.row_count)


def note(folder: Path, name: str, *, seconds: float, row_count: int | None = None) -> None:
    """Note in a candidate's folder that a station has ended well, in place of an earlier attempt.

    Raises:
        BuildError: The disk refuses.
    """
    try:
        write_note(folder, name, seconds=seconds, row_count=row_count)
    except OSError as error:
        raise BuildError(f"could not note in {folder} that {name} has ended: {error}; run it again") from error


def write_note(folder: Path, name: str, *, seconds: float, row_count: int | None = None) -> None:
    """Do what `note` does; raises OSError where the disk refuses."""
    if name not in STATIONS:
        raise ValueError(f"{name} is no station of a build")
    (folder / "stations").mkdir(exist_ok=True)
    said = {
        "run_seconds": round(seconds, 3),
        "row_count": row_count,
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    replace_file(_note(folder, name), json.dumps(said).encode())


def keep_runs(lake: Lake, *, folder: Path, build_id: str, as_of: date) -> bool:
    """Keep what a candidate's stations noted, in place of what is kept of its last day, unless a later day is kept already.

    Returns:
        Whether they are kept.
    Raises:
        LakeError: The disk refuses.
    """
    run_date = as_of - timedelta(days=1)
    if any(day > run_date for day in _days(lake)):
        return False
    noted = {name: json.loads(_note(folder, name).read_text()) for name in STATIONS if _note(folder, name).exists()}
    record = {"build_id": build_id, "stations": noted}
    lake.runs.replace(_name(run_date), (json.dumps(record, indent=1) + "\n").encode())
    return True


def read_runs(lake: Lake, *, before: date) -> tuple[StationRun, ...]:
    """Return the stations of builds whose last day is before `before`, by day and in order.

    Raises:
        LakeError: One cannot be read; the message names the file.
    """
    return tuple(run for day in _days(lake) if day < before for run in _read(lake, day))


def newest_runs(lake: Lake) -> tuple[StationRun, ...]:
    """Return the stations of the build of the last day that is kept; none where nothing was published."""
    days = _days(lake)
    return _read(lake, days[-1]) if days else ()


def _read(lake: Lake, day: date) -> tuple[StationRun, ...]:
    try:
        stations = json.loads(lake.runs.read(_name(day)))["stations"]
        return tuple(
            StationRun(
                station_name=name,
                run_seconds=float(stations[name]["run_seconds"]),
                row_count=stations[name]["row_count"],
                ended_at=datetime.fromisoformat(stations[name]["ended_at"]),
                run_date=day,
            )
            for name in STATIONS
            if name in stations
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"could not read {lake.runs.address(_name(day))} ({error}); remove the file: "
            "that day's build then has no seconds in the marts"
        ) from error


def _days(lake: Lake) -> list[date]:
    found = (name for name in lake.runs.names() if _IS_RUN.fullmatch(name))
    return sorted(date.fromisoformat(name.removesuffix(".json")) for name in found)


def _name(day: date) -> str:
    return f"{day}.json"


def _note(folder: Path, name: str) -> Path:
    return folder / "stations" / f"{name}.json"
