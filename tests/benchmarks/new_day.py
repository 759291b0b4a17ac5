"""Measure what one new day costs on top of a short history and on top of a long one: the whole build, audit and publishing.

    make bench BENCH=new_day                      90 days and 7 days of 10,000 spans, three new days each
    make bench BENCH=new_day BENCH_SPANS=20000 BENCH_ROUNDS=5

Both deployments lie on the same disk and take turns, a new day each, so that a machine that is busy is so for both. The
lakes are generated (made_days.py) and written by the lake's own code. CPU seconds are of this process and those it started:
they hold also on a machine that does other work, where the clock does not. Medians of the rounds.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from ai_finops import build, publish, quality
from ai_finops.config import Settings
from tests.benchmarks.made_days import FIRST_DAY, land_day

SHORT, LONG = 7, 90
TARGET = 1.3
BUILD = ("prepare", "phase 1", "analyses", "phase 2")
STEPS = (*BUILD, "audit", "publish")


class Deployment:
    """A deployment with some days of history, all of them built and published."""

    def __init__(self, home: Path, *, day_count: int, span_count: int) -> None:
        self.settings = Settings.from_env({"AI_FINOPS_HOME": str(home), "AI_FINOPS_SOURCES": "traces,billing"})
        self.span_count = span_count
        self.next_day = FIRST_DAY
        for _ in range(day_count):
            self._land()
        self.first = self._build(is_full=True)

    def add_day(self) -> dict[str, tuple[float, float]]:
        """Land the next day and build, audit and publish; return CPU and clock seconds by step."""
        self._land()
        return self._build(is_full=False)

    def _land(self) -> None:
        land_day(self.settings, self.next_day, span_count=self.span_count)
        self.next_day += timedelta(days=1)

    def _build(self, *, is_full: bool) -> dict[str, tuple[float, float]]:
        settings, took = self.settings, {}
        candidate = _timed(took, "prepare", lambda: build.prepare(settings=settings, is_full=is_full))
        _timed(took, "phase 1", lambda: build.run_dbt("phase_1", settings=settings, build=candidate))
        _timed(took, "analyses", lambda: build.analyse(settings=settings, build=candidate))
        _timed(took, "phase 2", lambda: build.run_dbt("phase_2", settings=settings, build=candidate))
        _timed(took, "audit", lambda: quality.audit(settings=settings, build=candidate))
        _timed(took, "publish", lambda: publish.publish(settings=settings, build=candidate))
        record = json.loads(Path(candidate["build_dir"], "build.json").read_text())
        if (record["built_on"] is None) != is_full:
            raise SystemExit(f"{candidate['build_id']} was built otherwise than asked: {record['is_built_because']}")
        return took


def main() -> None:
    """Make both histories, add days in turns, and print the table."""
    span_count = int(os.environ.get("BENCH_SPANS", "10000"))
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        deployments = {
            days: Deployment(Path(home) / str(days), day_count=days, span_count=span_count) for days in (SHORT, LONG)
        }
        taken: dict[int, dict[str, list[tuple[float, float]]]] = {days: defaultdict(list) for days in deployments}
        for _ in range(rounds):
            for days, deployment in deployments.items():
                for step, seconds in deployment.add_day().items():
                    taken[days][step].append(seconds)
        _print(taken, first=deployments[LONG].first, span_count=span_count, rounds=rounds)


def _print(
    taken: dict[int, dict[str, list[tuple[float, float]]]],
    *,
    first: dict[str, tuple[float, float]],
    span_count: int,
    rounds: int,
) -> None:
    print(
        f"generated, about {span_count:,} spans a day, {rounds} rounds, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n"
    )
    print(
        f"| Step | CPU s on {SHORT} days | CPU s on {LONG} days | ratio | clock s on {SHORT} | clock s on {LONG} | ratio | "
        f"CPU s of {LONG} days from nothing |\n|---|---|---|---|---|---|---|---|"
    )
    for name, steps in (*((step, (step,)) for step in STEPS), ("**build**", BUILD), ("**all**", STEPS)):
        cells = []
        for kind in (0, 1):
            short, long = (_median(taken[days], steps, kind=kind) for days in (SHORT, LONG))
            cells += [f"{short:.2f}", f"{long:.2f}", f"{long / short:.2f}"]
        print(f"| {name} | {' | '.join(cells)} | {sum(first[step][0] for step in steps):.2f} |")
    print(f"\ntarget: building at most {TARGET}")


def _median(taken: dict[str, list[tuple[float, float]]], steps: tuple[str, ...], *, kind: int) -> float:
    rounds = zip(*(taken[step] for step in steps), strict=True)
    return statistics.median(sum(seconds[kind] for seconds in of_round) for of_round in rounds)


def _timed(took: dict[str, tuple[float, float]], step: str, run: Callable[[], Any]) -> Any:
    cpu, clock = _cpu_seconds(), time.perf_counter()
    result = run()
    took[step] = (_cpu_seconds() - cpu, time.perf_counter() - clock)
    return result


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
