"""A cell of scaling.py, and its steps: `python -m tests.benchmarks.made_cells CELL STEP FOLDER RESULT` does one of them."""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ai_finops import build, publish, quality
from ai_finops.build.candidate import find_build
from ai_finops.config import TARGETS, Settings
from ai_finops.extract.history import failures, land_days
from ai_finops.lake import Lake
from tests.benchmarks.made_days import land_bill
from tests.benchmarks.made_objects import BUCKET, PREFIX

FIRST_DAY = date(2025, 6, 2)
STEPS = ("history", "extract", "prepare", "phase 1", "analyses", "phase 2", "audit", "publish")
# USD for a million tokens, input and output, as genai-prices has them: what the made bill charges.
PRICES = {
    "us.anthropic.claude-sonnet-4-6-v1:0": (3.0, 15.0),
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": (1.0, 5.0),
    "us.amazon.nova-lite-v1:0": (0.06, 0.24),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the curves."""

    name: str
    spans_a_day: int
    day_count: int
    feature_count: int
    target: str

    @property
    def last_day(self) -> date:
        """The day that is measured."""
        return FIRST_DAY + timedelta(days=self.day_count - 1)

    @classmethod
    def parse(cls, name: str) -> Cell:
        """Read `<spans a day>/<days>/<features>`, with `/spark` behind it or not; spans may end in K or M."""
        found = re.fullmatch(r"([1-9][0-9]*)([KM]?)/([1-9][0-9]*)/([1-9][0-9]*)(?:/([a-z]+))?", name)
        if not found or (found[5] or "duckdb") not in TARGETS:
            raise SystemExit(f"{name!r} is no cell; write spans a day/days of history/features, such as 1M/7/5")
        spans = int(found[1]) * {"": 1, "K": 1_000, "M": 1_000_000}[found[2]]
        return cls(name, spans, int(found[3]), int(found[4]), found[5] or "duckdb")


def run_step(cell: Cell, step: str, home: Path, *, result: Path) -> None:
    """Do one step of a cell and write what it counted."""
    settings = Settings.from_env(
        {
            "AI_FINOPS_HOME": str(home / "var"),
            "AI_FINOPS_SOURCES": "traces,billing",
            "AI_FINOPS_TRACES_BUCKET": BUCKET,
            "AI_FINOPS_TRACES_PREFIX": PREFIX,
        }
    )
    work: dict[str, Callable[[], Any]] = {
        "history": lambda: _history(cell, settings),
        "extract": lambda: _land(cell, settings, cell.last_day),
        "prepare": lambda: build.prepare(settings=settings, is_full=cell.day_count == 1 or cell.target != "duckdb"),
        "phase 1": lambda: build.run_dbt("phase_1", settings=settings, build=find_build(settings), target=cell.target),
        "analyses": lambda: build.analyse(settings=settings, build=find_build(settings)),
        "phase 2": lambda: build.run_dbt("phase_2", settings=settings, build=find_build(settings), target=cell.target),
        "audit": lambda: quality.audit(settings=settings, build=find_build(settings)),
        "publish": lambda: publish.publish(settings=settings, build=find_build(settings)),
    }
    done = work[step]()
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    spans = done if step in ("history", "extract") else 0
    result.write_text(json.dumps({"cpu_s": cpu, "span_count": spans}))


def _history(cell: Cell, settings: Settings) -> int:
    """Land the days before the last, but for those that are there, and publish them; return their spans."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(cell.day_count - 1)]
    spans = sum(_land(cell, settings, day) for day in days)
    if days:
        build.build_all(settings=settings, target=cell.target)
    return spans


def _land(cell: Cell, settings: Settings, day: date) -> int:
    known = Lake(settings.lake).outcome("traces", day)
    if known is None or known.status != "loaded":
        outcomes = land_days("traces", first=day, last=day, settings=settings)
        if failed := failures(outcomes):
            raise SystemExit(failed[0])
        known = outcomes[day.isoformat()]
    # The tokens of made_days' traces are about those of one and a half calls here.
    land_bill(settings, day, trace_count=known.loaded_count // 2, prices=PRICES)
    return known.loaded_count


if __name__ == "__main__":
    run_step(Cell.parse(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), result=Path(sys.argv[4]))
