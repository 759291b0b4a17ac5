"""A wrong clock: Debian's `faketime` (libfaketime, preloaded) moves it for stations and their dbt, between runs and within one.

Days are given as a DAG gives them; a wrong clock changes when something was built and nothing else. The clock of files stays
the kernel's, and durations are measured by the monotonic clock, which no wrong time moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from tests.chaos.account import SOURCES
from tests.chaos.forks import Ended, Stations
from tests.chaos.lab import AS_OF, DAY, STEPS, Case, Lab, unnamed

GROUP = "wrong clock"
AHEAD = {"a day ahead": timedelta(days=1), "an hour ahead": timedelta(hours=1)}
BEHIND = {"an hour behind": timedelta(hours=-1), "a day behind": timedelta(days=-1)}
_NEAR = timedelta(minutes=10)


def wrong_clocks(lab: Lab) -> Iterator[Case]:
    """The fourth day, landed and built by a wrong clock; last one that jumps back two days while the day is built."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        yield Case(GROUP, "all", "", ("libfaketime is not there; install Debian's package faketime",))
        return
    skew = lab.folder / "skew"
    skew.write_text("+0")
    faked = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(skew),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    stations = Stations(lab.folder / "processes" / "by_a_wrong_clock", environment=lab.stations.environment | faked)
    try:
        for name, off in {**AHEAD, **BEHIND}.items():
            yield _tried(lab, stations, skew, name, (off,) * len(STEPS))
        jump = (AHEAD["a day ahead"],) * 3 + (BEHIND["a day behind"],) * 3
        yield _tried(lab, stations, skew, "a day ahead, then a day behind", jump)
    finally:
        stations.stop()


def _tried(lab: Lab, stations: Stations, skew: Path, name: str, offs: tuple[timedelta, ...]) -> Case:
    lab.back_to("history")
    _set(skew, offs[0])
    ended = [stations.run("land", source, "--from", DAY, "--as-of", AS_OF) for source in SOURCES]
    for step, off in zip(STEPS, offs, strict=True):
        _set(skew, off)
        ended.append(stations.run(step))
    faults = [said for each in ended for said in _faults(each)]
    is_told = _is_built_at(lab, datetime.now(UTC) + offs[0])
    faults += lab.mart_faults()
    return Case(GROUP, name, f"built {name}" if is_told else "", tuple(faults), lab.lost())


def _set(skew: Path, off: timedelta) -> None:
    skew.write_text(f"{off.total_seconds():+.0f}")


def _faults(ended: Ended) -> list[str]:
    said = [f"{ended.arguments[0]} ended with {ended.code}: {ended.sentence}"] if ended.code else []
    return unnamed(ended) + said


def _is_built_at(lab: Lab, when: datetime) -> bool:
    """Whether the published build says that it was begun at about this time, which is the wrong clock's."""
    with duckdb.connect(str(lab.settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        (built_at,) = marts.execute("select epoch(built_at) from dim_builds").fetchone()
    return abs(datetime.fromtimestamp(built_at, UTC) - when) < _NEAR
