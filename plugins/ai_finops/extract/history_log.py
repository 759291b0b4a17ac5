"""What one run over a range of days has landed so far: what a retry leaves out, and what people see of the progress.

<home>/history/<run>/<source>.jsonl      first line: the range; then one line a day, as it ended

A line follows the day's outcome in the lake. Killed in between, the day is landed once more, which changes nothing.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.errors import LakeError
from ai_finops.lake import Outcome
from ai_finops.lake_files import as_lake_error

KEPT_COUNT = 20


@dataclass(slots=True)
class HistoryLog:
    """How far one source of one run is."""

    path: Path
    source: str
    first: date
    last: date
    done: dict[date, dict] = field(default_factory=dict)
    """By day: `status`, `rows`, `seconds`. Days that failed are not done."""
    failed: set[date] = field(default_factory=set)
    """Days whose latest attempt failed."""
    seconds: float = 0.0
    """What the landed days took, in all attempts."""

    @property
    def day_count(self) -> int:
        """Days of the range."""
        return (self.last - self.first).days + 1

    def add(self, outcome: Outcome, *, seconds: float) -> None:
        """Write down how a day ended.

        Raises:
            LakeError: The disk refuses.
        """
        said = {"rows": outcome.loaded_count, "seconds": round(seconds, 3), "status": outcome.status}
        with as_lake_error(f"write {self.path}"), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"day": str(outcome.landing_date), **said}) + "\n")
        self._count(outcome.landing_date, said)

    def line(self) -> str:
        """Say how far it is, and how long the rest will take at the speed so far."""
        landed = len(self.done)
        rows = sum(each["rows"] for each in self.done.values())
        failed = f", {len(self.failed)} failed" if self.failed else ""
        rest = self.day_count - landed
        left = f", about {_duration(rest * self.seconds / landed)} left" if landed and rest else ""
        return f"{self.source}: {landed} of {self.day_count} days landed{failed}, {rows:,} rows{left}"

    def _count(self, day: date, said: dict) -> None:
        self.seconds += said["seconds"]
        if said["status"] in ("failed", "expired"):
            self.failed.add(day)
        else:
            self.failed.discard(day)
            self.done[day] = said


def open_log(settings: Settings, *, run: str, source: str, first: date, last: date) -> HistoryLog:
    """Return the log of a run and source, as an earlier attempt of that run left it, or a new one.

    One of another range is begun anew. What another attempt did but the lake does not hold any more is for the caller to ask.

    Raises:
        LakeError: The disk refuses.
    """
    path = _home(settings) / _name(run) / f"{source}.jsonl"
    log = HistoryLog(path, source, first, last)
    head = {"first": str(first), "last": str(last)}
    with as_lake_error(f"write {path}"):
        kept = _read(path) if path.exists() else []
        if kept[:1] != [head]:
            path.parent.mkdir(parents=True, exist_ok=True)
            _prune(_home(settings), keeping=path.parent)
            path.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return log
        if not path.read_bytes().endswith(b"\n"):  # killed within a line
            path.write_text("".join(json.dumps(each) + "\n" for each in kept), encoding="utf-8")
    for said in _latest(kept[1:]):
        log._count(date.fromisoformat(said["day"]), said)
    return log


def newest_lines(settings: Settings) -> list[str]:
    """Return a line for each source of the run that wrote last; none when no history was loaded.

    Raises:
        LakeError: A log cannot be read.
    """
    logs = sorted(_home(settings).glob("*/*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return []
    lines = []
    for path in sorted(logs[-1].parent.glob("*.jsonl")):
        head, *rest = _read(path)
        log = HistoryLog(path, path.stem, date.fromisoformat(head["first"]), date.fromisoformat(head["last"]))
        for said in _latest(rest):
            log._count(date.fromisoformat(said["day"]), said)
        lines.append(f"{log.line()} ({log.first} to {log.last})")
    return lines


def reported_days(settings: Settings, *, first: date, last: date) -> list[date]:
    """Return the days of the range for which every enabled source has an outcome, whatever it is."""
    from ai_finops.lake import Lake

    lake = Lake(settings.lake)
    by_source = [set(lake.days(source)) for source in settings.sources]
    return [day for day in days_between(first, last) if all(day in days for days in by_source)]


def _home(settings: Settings) -> Path:
    return settings.home / "history"


def _name(run: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.:+-]", "_", run).lstrip(".") or "run"


def _read(path: Path) -> list[dict]:
    """Return the whole lines; the last may be a part of one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    plain = []
    for number, line in enumerate(lines, start=1):
        try:
            plain.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise LakeError(
                f"{path}, line {number}, is damaged ({error}); remove the file: the run then lands all its days"
            ) from error
    return plain


def _latest(said: list[dict]) -> list[dict]:
    return list({each["day"]: each for each in said}.values())


def _prune(home: Path, *, keeping: Path) -> None:
    others = sorted((path for path in home.glob("*") if path != keeping), key=lambda path: path.stat().st_mtime)
    for path in others[: -KEPT_COUNT + 1]:
        shutil.rmtree(path, ignore_errors=True)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
