"""A full disk: home and temporary files lie on a small disk of their own, and so much of it is left to a station as is told.

The landings go back before each try. The steps of a build do not: what a full disk left is what the next attempt starts on.
Needs the right to mount, as root has it; without it nothing was tried, which is no success.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.account import SOURCES
from tests.chaos.forks import Ended
from tests.chaos.kills import published_faults
from tests.chaos.lab import AS_OF, DAY, STEPS, Case, Lab, free_bytes, unnamed
from tests.chaos.snapshots import files_of

GROUP = "full disk"
SIZE = "3g"
PARTS = (0.0, 0.3, 0.6, 0.9)
"""Of what a station needs: how much is left to it."""
FULL = ("No space left on device", "database or disk is full")
"""One of these the product looks for to try again after a longer time (errors.py)."""


def full_disks(lab: Lab) -> Iterator[Case]:
    """Each landing and each step of a build."""
    with _small_disk(lab):
        yield from _landings(lab)
        yield from _steps(lab)


def _landings(lab: Lab) -> Iterator[Case]:
    for source in SOURCES:
        arguments = ("land", source, "--from", DAY, "--as-of", AS_OF)
        lab.back_to(f"without {source}")
        needed = _needed(lab, *arguments)
        for part in PARTS:
            lab.back_to(f"without {source}")
            with _filled(lab.disk, leaving=int(part * needed)):
                full = lab.run(*arguments)
            if not full.code:
                continue
            again = lab.run(*arguments)
            faults = [*_words(full), *_ended_well(again), *lab.lake_faults()]
            yield Case(f"{GROUP}, land {source}", _left(part, needed), _happened(full), tuple(faults), lab.lost())


def _steps(lab: Lab) -> Iterator[Case]:
    lab.back_to("landed")
    cases, before = [], "landed"
    for step in STEPS:
        needed = max(_size(lab, step) - _size(lab, before), 1 << 18)
        for part in PARTS:
            with _filled(lab.disk, leaving=int(part * needed)):
                full = lab.run(step)
            if not full.code:
                break  # it came through; the last run of the step changes nothing more
            faults = [*_words(full), *published_faults(lab)]
            cases.append(Case(f"{GROUP}, {step}", _left(part, needed), _happened(full), tuple(faults)))
        passed = lab.run(step)
        if passed.code:
            cases = [_also(case, _ended_well(passed)) for case in cases]
        before = step
    faults, lost = lab.mart_faults(), lab.lost()
    for case in cases:
        yield Case(case.group, case.name, case.happened, (*case.faults, *faults), lost)


def _also(case: Case, faults: list[str]) -> Case:
    return Case(case.group, case.name, case.happened, (*case.faults, *faults), case.lost)


def _words(full: Ended) -> list[str]:
    """A full disk is named as such: by the words that decide how long is waited before the next attempt."""
    said = unnamed(full)
    return (
        said
        if any(words in full.errors for words in FULL)
        else [*said, f"does not say that the disk is full: {full.sentence}"]
    )


def _ended_well(ended: Ended) -> list[str]:
    said = f"with space again, {ended.arguments[0]} ended with {ended.code}: {ended.sentence}"
    return [said] if ended.code else []


def _happened(full: Ended) -> str:
    return f"refused: {full.sentence[:160]}"


def _left(part: float, needed: int) -> str:
    return f"{part * needed / 1024:.0f} of {needed / 1024:.0f} KiB left"


def _size(lab: Lab, state: str) -> int:
    return sum(file.stat().st_size for file in files_of(lab.folder / "states" / state))


@contextmanager
def _small_disk(lab: Lab) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "ai-finops-chaos", str(lab.disk)]
    with lab.reader.looking_away():
        subprocess.run(command, check=True)
        (lab.disk / "tmp").mkdir()
    try:
        yield
    finally:
        with lab.reader.looking_away():
            # Lazily: whoever has a file of it open keeps the disk, which nobody finds any more.
            subprocess.run(["umount", "--lazy", str(lab.disk)], check=True)


@contextmanager
def _filled(disk: Path, *, leaving: int) -> Iterator[None]:
    """Fill a disk but for some bytes, and give the space back."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(disk) - leaving))
    try:
        yield
    finally:
        filler.unlink()
        shutil.rmtree(disk / "tmp")  # what was killed leaves its temporary files to the machine
        (disk / "tmp").mkdir()


def _needed(lab: Lab, *arguments: str) -> int:
    """Return how many bytes of the disk a station takes at the most, temporary files included."""
    free, ended, lowest = free_bytes(lab.disk), threading.Event(), []

    def look() -> None:
        while not ended.wait(0.005):
            lowest.append(free_bytes(lab.disk))

    looking = threading.Thread(target=look)
    looking.start()
    lab.must(*arguments)
    ended.set()
    looking.join()
    return free - min(lowest)
