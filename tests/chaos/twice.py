"""Two at once: what a person in a shell and Airflow may do at the same moment. One waits, nothing is there twice."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.chaos.account import SOURCES
from tests.chaos.forks import Ended, Running
from tests.chaos.lab import AS_OF, DAY, Case, Lab, unnamed

GROUP = "two at once"


def twos(lab: Lab) -> Iterator[Case]:
    """Cheapest first."""
    for tried in (_landings, _publications, _builds, _landing_while_building):
        yield from tried(lab)


def _both(*running: Running) -> tuple[list[Ended], str]:
    """Wait for two; return how they ended, and what shows that they ran at the same time."""
    began = [each.started for each in running]
    ended = [each.wait() for each in running]
    ends = [start + each.seconds for start, each in zip(began, ended, strict=True)]
    overlap = min(ends) - max(began)
    return ended, f"{overlap:.1f} s at once" if overlap > 0 else ""


def _faults(*ended: Ended) -> list[str]:
    wrong = [f"{each.arguments[0]} ended with {each.code}: {each.sentence}" for each in ended if each.code]
    return unnamed(*ended) + wrong


def _landings(lab: Lab) -> Iterator[Case]:
    """The same day of a source, twice."""
    for source in SOURCES:
        lab.back_to(f"without {source}")
        arguments = ("land", source, "--from", DAY, "--as-of", AS_OF)
        ended, happened = _both(lab.stations.start(*arguments), lab.stations.start(*arguments))
        faults = [*_faults(*ended), *lab.lake_faults()]
        yield Case(f"{GROUP}, landings", source, happened, tuple(faults), lab.lost())


def _publications(lab: Lab) -> Iterator[Case]:
    """The same build, while somebody reads what is published all the time."""
    lab.back_to("audit")
    before = (lab.settings.published / "current").resolve().name
    _read_by_somebody(lab)
    ended, happened = _both(lab.stations.start("publish"), lab.stations.start("publish"))
    _read_by_somebody(lab)
    after = (lab.settings.published / "current").resolve().name
    faults = [*_faults(*ended), *_waited(*ended)]
    if lab.reader.seen != {before, after} or before == after:
        faults.append(f"the reader saw {sorted(lab.reader.seen)} of {before} and {after}")
    yield Case(f"{GROUP}, publishing", "the same build", happened, (*faults, *lab.mart_faults()), lab.lost())


def _builds(lab: Lab) -> Iterator[Case]:
    """A whole run, twice."""
    lab.back_to("landed")
    ended, happened = _both(lab.stations.start("run"), lab.stations.start("run"))
    # The second one begins as the first one ended, with nothing left to make again.
    faults = [*_faults(*ended), *_waited(*ended), *lab.mart_faults(is_from_base=False)]
    yield Case(f"{GROUP}, builds", "run and run", happened, tuple(faults), lab.lost())


def _landing_while_building(lab: Lab) -> Iterator[Case]:
    """What lands while a build reads the lake is in the next one."""
    lab.back_to("without traces")
    building = lab.stations.start("run")
    _until_dbt(lab)
    landing = lab.stations.start("land", "traces", "--from", DAY, "--as-of", AS_OF)
    ended, happened = _both(landing, building)
    next_one = lab.run("run")
    faults = [*_faults(*ended, next_one), *lab.mart_faults(is_from_base=False)]
    yield Case(f"{GROUP}, landing and build", "traces", happened, tuple(faults), lab.lost())


def _waited(*ended: Ended) -> list[str]:
    said = [each for each in ended if "waiting for process" in each.errors]
    return [] if len(said) == 1 else [f"{len(said)} of two said that they wait for the other"]


def _read_by_somebody(lab: Lab, *, patience_seconds: float = 60.0) -> None:
    """Wait until the reader has read once more."""
    count, deadline = lab.reader.read_count, time.monotonic() + patience_seconds
    while lab.reader.read_count < count + 2 and time.monotonic() < deadline:
        time.sleep(0.05)


def _until_dbt(lab: Lab, *, patience_seconds: float = 120.0) -> None:
    newest = sorted(lab.settings.builds.glob("0*"))[-1]
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        now = sorted(lab.settings.builds.glob("0*"))[-1]
        if now != newest and (now / "dbt" / "phase_1" / "output.txt").exists():
            return
        time.sleep(0.05)
    raise RuntimeError("the build did not come to dbt")
