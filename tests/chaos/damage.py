"""Damaged files: one file of the deployment is cut short, or bits of it are turned where readers do not notice by themselves.

Each time the next run either says which file it is, and what the runbook says then brings the undisturbed state back, or it
passes the file over and gives the undisturbed result all the same. Wrong numbers without a word are what must not be.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from ai_finops.lake import Lake
from ai_finops.publish import compare_builds
from tests.chaos.account import SOURCES
from tests.chaos.forks import Ended
from tests.chaos.lab import Case, Lab, unnamed

GROUP = "damaged file"
BILLED_MONTH = "2025-05"


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turn(path: Path, *, parts: tuple[float, ...] = (0.5,)) -> None:
    """Turn bits at parts of a file."""
    data = bytearray(path.read_bytes())
    for part in parts:
        data[int(part * (len(data) - 1))] ^= 0x15
    path.write_bytes(data)


def turn_unnoticed(path: Path) -> None:
    """Turn a bit of a Parquet file so that it reads as other rows, without an error: what only a checksum finds."""
    whole, wanted = path.read_bytes(), _rows(path)
    for place in range(4, len(whole) - 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with suppress(duckdb.Error):
            if _rows(path) != wanted:
                return
    raise RuntimeError(f"no bit of {path} gives other rows")


def _rows(path: Path) -> list:
    with duckdb.connect() as connection:  # after an error a connection has a result that nobody fetched
        return connection.execute("select * from read_parquet(?)", [str(path)]).fetchall()


HOW: dict[str, Callable[[Path], None]] = {"cut short": cut, "bits turned": turn, "other rows": turn_unnoticed}


def damages(lab: Lab) -> Iterator[Case]:
    """The lake, what is kept of closed months, prices and runs, the build's own files, dbt's, and what is published."""
    for tried in (_lake, _old_partition, _ledgers, _runs, _bases, _parsed_project, _candidate, _published):
        yield from tried(lab)


def _damage(lab: Lab, state: str, path: Path, how: str) -> str:
    """Go back to a state and damage a file of it; return what shows it."""
    lab.back_to(state)
    before = path.read_bytes()
    with lab.reader.looking_away():
        HOW[how](path)
    return f"{how}: {path.name}" if path.read_bytes() != before else ""


def _named(ended: Ended, path: Path) -> list[str]:
    """The run failed with a sentence that names the file, or the folder that holds it."""
    if not ended.code:
        return [f"{ended.arguments[0]} took {path.name} for whole"]
    names = (path.name, path.parent.name)
    said = [] if any(name in ended.errors for name in names) else [f"does not name {path.name}: {ended.sentence}"]
    return unnamed(ended) + said


def _well(ended: Ended, what: str) -> list[str]:
    return [f"{what}, {ended.arguments[0]} ended with {ended.code}: {ended.sentence}"] if ended.code else []


def _lake(lab: Lab) -> Iterator[Case]:
    """A file of the new day; removed and landed again, as the message says."""
    for source, table in zip(SOURCES, ("spans", "line_items", "metric_points"), strict=True):
        for how in HOW:
            lab.back_to("landed")
            version = list(Lake(lab.settings.lake).current(source).values())[-1]
            happened = _damage(lab, "landed", version.file(table), how)
            met = lab.run("prepare")
            faults = _named(met, version.file(table))
            shutil.rmtree(version.path)
            faults += _well(lab.land(source), "removed") + _well(lab.run("prepare"), "landed again")
            faults += lab.lake_faults()
            yield Case(f"{GROUP}, lake", f"{source}/{table}, {how}", happened, tuple(faults), lab.lost())


def _old_partition(lab: Lab) -> Iterator[Case]:
    """A file that the build before has read already, and that this one reads again: the bill of the month before."""
    lab.back_to("publish")
    version = Lake(lab.settings.lake).current("billing")[BILLED_MONTH]
    for table in ("line_items", "invoice_totals"):
        path = version.file(table)
        happened = _damage(lab, "publish", path, "other rows")
        met = lab.run("run")
        faults = _named(met, path)
        shutil.rmtree(version.path)
        faults += _well(lab.land("billing"), "removed")
        faults += lab.lake_faults()
        yield Case(f"{GROUP}, lake", f"billing/{table} of an earlier build", happened, tuple(faults), lab.lost())


def _ledgers(lab: Lab) -> Iterator[Case]:
    """What closed months were, what they are priced by, and the ledgers of both; from a backup, as the message says."""
    lake = lab.settings.lake
    for folder in ("closed", "prices"):
        lab.back_to("landed")
        frozen = next(path for path in sorted((lake / folder).glob("*.parquet")) if _rows(path))
        for path, ways in ((lake / folder / "ledger.json", ("cut short", "bits turned")), (frozen, HOW)):
            for how in ways:
                happened = _damage(lab, "landed", path, how)
                faults = _named(lab.run("prepare"), path)
                shutil.copy2(lab.folder / "states" / "landed" / path.relative_to(lab.home), path)
                faults += _well(lab.run("prepare"), "restored") + lab.lake_faults()
                yield Case(f"{GROUP}, {folder}", f"{path.suffix[1:]}, {how}", happened, tuple(faults), lab.lost())


def _runs(lab: Lab) -> Iterator[Case]:
    """How long a day's stations took; removed, as the message says."""
    lab.back_to("landed")
    path = sorted((lab.settings.lake / "runs").glob("*.json"))[-1]
    happened = _damage(lab, "landed", path, "cut short")
    # Only builds of later days read it.
    met = lab.run("status")
    faults = _named(met, path)
    path.unlink()
    faults += _well(lab.run("status"), "removed") + _well(lab.run("prepare"), "removed")
    yield Case(f"{GROUP}, runs", "cut short", happened, tuple(faults), lab.lost())


def _bases(lab: Lab) -> Iterator[Case]:
    """The build that the next one begins as a copy of, and its seal: passed over, and all of it made again."""
    lab.back_to("landed")
    base = sorted(lab.settings.builds.glob("0*"))[-1]
    for name, how in (
        ("warehouse.duckdb", "bits turned"),
        ("warehouse.duckdb", "cut short"),
        ("warehouse.sha256", "cut short"),
    ):
        happened = _damage(lab, "landed", base / name, how)
        met = lab.run("prepare")
        faults = _well(met, "damaged")
        if not faults:
            record = json.loads((sorted(lab.settings.builds.glob("0*"))[-1] / "build.json").read_text())
            if record["built_on"] or base.name not in record["is_built_because"]:
                faults.append(f"was built on {record['built_on']}: {record['is_built_because']}")
        if name == "warehouse.duckdb" and how == "bits turned":
            faults += lab.finish(after="prepare") + lab.mart_faults(is_from_base=False)
        yield Case(f"{GROUP}, base", f"{name}, {how}", happened, tuple(faults), lab.lost())


def _parsed_project(lab: Lab) -> Iterator[Case]:
    """What dbt has read of the project: read again."""
    path = lab.settings.dbt_project / "target" / "build" / "target" / "partial_parse.msgpack"
    whole = path.read_bytes()
    for how in ("cut short", "bits turned"):
        try:
            happened = _damage(lab, "prepare", path, how)
            faults = _well(lab.run("phase_1"), "damaged")
            if how == "bits turned" and not faults:
                faults += lab.finish(after="phase_1") + lab.mart_faults()
        finally:
            path.write_bytes(whole)
        yield Case(f"{GROUP}, parsed project", how, happened, tuple(faults), lab.lost())


def _candidate(lab: Lab) -> Iterator[Case]:
    """The warehouse between two steps, and what stands beside it; removed and made again, as the runbook says."""
    for state, step, name, how in (
        ("analyse", "phase_2", "warehouse.duckdb", "cut short"),
        ("phase_2", "audit", "warehouse.duckdb", "bits turned"),
        ("audit", "publish", "warehouse.duckdb", "bits turned"),
        ("audit", "publish", "audit.json", "cut short"),
        ("audit", "publish", "build.json", "cut short"),
        ("audit", "publish", "prices.json", "cut short"),
    ):
        lab.back_to(state)
        candidate = sorted(lab.settings.builds.glob("0*"))[-1]
        happened = _damage(lab, state, candidate / name, how)
        if how == "bits turned":
            turn(candidate / name, parts=(0.2, 0.4, 0.6, 0.8))
        met = lab.run(step)
        faults = unnamed(met)
        if not met.code:
            faults.append(f"{step} took {name} for whole")
        elif candidate.name not in met.errors:
            faults.append(f"does not say which build it is: {met.sentence}")
        if step == "phase_2":
            shutil.rmtree(candidate)
            faults += _well(lab.run("run"), "removed") + lab.mart_faults()
        yield Case(f"{GROUP}, candidate", f"{name}, {how}", happened, tuple(faults), lab.lost())


def _published(lab: Lab) -> Iterator[Case]:
    """What readers read: found by `status`, and written again by publishing again."""
    for name, how in (
        ("marts.duckdb", "bits turned"),
        ("marts.duckdb", "cut short"),
        ("fct_daily_allocated_costs.parquet", "other rows"),
        ("build.json", "cut short"),
    ):
        lab.back_to("publish")
        current = (lab.settings.published / "current").resolve()
        happened = _damage(lab, "publish", current / name, how)
        with lab.reader.looking_away():
            faults = _named(lab.run("status"), current / name)
            faults += _well(lab.run("publish"), "damaged")
            faults += [f"P4 {each}" for each in compare_builds(lab.undisturbed.marts, current)]
        lab.reader.forget()
        faults += _well(lab.run("status"), "published again") + lab.mart_faults()
        yield Case(f"{GROUP}, published", f"{name}, {how}", happened, tuple(faults), lab.lost())
