"""Processes of stations without Python's start: one process imports everything once, and forks for each station.

    python -m tests.chaos.forks        reads requests from its standard input, a JSON object a line

A fork is a real process: it is killed, runs out of disk and dies as any other. What is forked has no threads yet.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.chaos.stations import UNNAMED, Faults, run

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    arguments: tuple[str, ...]
    code: int
    """Exit code; minus the signal that killed it."""
    output: str
    errors: str
    seconds: float
    note: str = ""
    """What `kill_points` noted."""

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def is_unnamed(self) -> bool:
        """Whether it ended by an exception that the product has no sentence for."""
        return self.code == UNNAMED

    @property
    def sentence(self) -> str:
        """The last line that it said on standard error, or all that it said."""
        lines = [line for line in self.errors.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith("ai-finops: ")]
        return (told or lines or [""])[-1]


@dataclass(slots=True)
class Running:
    """A process that was started and not waited for yet."""

    stations: Stations
    arguments: tuple[str, ...]
    pid: int
    folder: Path
    started: float

    def wait(self) -> Ended:
        """Wait for its end."""
        code = int(self.stations._ask({"wait": self.pid}))
        note = self.folder / "note"
        return Ended(
            self.arguments,
            code,
            *((self.folder / name).read_text(errors="replace") for name in ("stdout", "stderr")),
            time.monotonic() - self.started,
            note.read_text() if note.exists() else "",
        )

    def kill(self, *, with_children: bool) -> list[int]:
        """Kill it by SIGKILL; with its children, or alone. Return the ids of the children that live on."""
        process = psutil.Process(self.pid)
        children = process.children(recursive=True)
        process.kill()
        if with_children:
            for child in children:
                child.kill()
            return []
        return [child.pid for child in children]


class Stations:
    """Starts stations; the forking process ends when this one does."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str]) -> None:
        self.folder, self.environment, self._count = folder, dict(environment), 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=self.environment,
            start_new_session=True,
        )

    def start(self, *arguments: str, faults: Faults | None = None, watched: str = "", **environment: str) -> Running:
        """Start a station; `watched` is the folder whose writes are counted as points."""
        self._count += 1
        folder = self.folder / f"{self._count:05d}-{arguments[0]}"
        folder.mkdir(parents=True)
        plain = asdict(faults or Faults()) | ({"note": str(folder / "note"), "below": watched} if watched else {})
        asked = {
            "arguments": arguments,
            "faults": plain,
            "environment": self.environment | environment,
            "folder": str(folder),
        }
        started = time.monotonic()
        return Running(self, arguments, int(self._ask(asked)), folder, started)

    def run(self, *arguments: str, **named) -> Ended:
        """Start a station and wait for its end."""
        return self.start(*arguments, **named).wait()

    def stop(self) -> None:
        """End the process that forks."""
        self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, asked: dict) -> str:
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process that forks the stations has died; what it said is above")
        return answer.strip()


def serve() -> None:
    """Import what stations need, then fork for each request until nobody asks any more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _import_all()
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            said = os.waitstatus_to_exitcode(status)
        else:
            said = os.fork()
            if said == 0:
                _run_and_exit(asked)
        answers.write(f"{said}\n")
        answers.flush()


def _import_all() -> None:
    import boto3  # noqa: F401
    import duckdb  # noqa: F401
    import great_expectations  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import ai_finops.alarms
    import ai_finops.build
    import ai_finops.build.recost
    import ai_finops.cli
    import ai_finops.extract.history
    import ai_finops.finance
    import ai_finops.publish
    import ai_finops.quality
    import ai_finops.report  # noqa: F401


def _run_and_exit(asked: dict) -> None:
    code = UNNAMED
    try:
        os.setsid()
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            os.dup2(os.open(f"{asked['folder']}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
        code = run(asked["arguments"], Faults(**asked["faults"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
