"""Measure the fixed cost of a day: from the backfill of an empty day until its marts are published, through Airflow itself.

    make bench BENCH=empty_day
    make bench BENCH=empty_day BENCH_ROUNDS=3     as many empty days, one after the other

PostgreSQL and LocalExecutor, all of Airflow's processes on this machine, the whole dbt project with its data tests. A small
fortnight is loaded before, so that a build begins as a copy of the last. The clock's seconds hold on an idle machine alone; CPU
seconds are of Airflow's processes and what they started.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ai_finops.config import REPOSITORY
from tests.publish.postgres_cluster import cluster
from tests.scheduler.airflow_stack import AirflowStack, running_airflow
from tests.scheduler.small_sample import load_small_sample

TARGET_SECONDS = 60.0
BUILD_STEPS = ("prepare_build", "build_costs", "analyse_costs", "build_reviews", "check_marts", "publish_marts")


@dataclass(frozen=True, slots=True)
class EmptyDay:
    """What one empty day took, in seconds."""

    clock: dict[str, float]
    """By step, in order; they add up to the whole."""
    cpu: dict[str, float]
    """By process of Airflow; `tasks` are all tasks with what they started."""


def play_empty_day(stack: AirflowStack, day: date) -> EmptyDay:
    """Backfill the three extract DAGs for a day on which nothing came, and wait until `build_marts` has published."""
    cpu_before, began = stack.cpu_seconds(), stack_now()
    stack.backfill(day, day)
    run = stack.wait_for("build_marts", day)
    tasks = {task["task_id"]: task for task in stack.api.tasks("build_marts", run["dag_run_id"])}
    used = stack.cpu_seconds()
    used.subtract(cpu_before)
    return EmptyDay(clock=parted(stack, tasks, began=began, day=day), cpu=dict(used))


def parted(stack: AirflowStack, tasks: dict[str, dict[str, Any]], *, began: datetime, day: date) -> dict[str, float]:
    """Part the time from the trigger to the published marts into steps and what lies between them."""
    extracts = [
        task
        for feed in stack.settings.sources_by_feed
        for run in stack.runs(f"extract_{feed}", key=day)
        for task in stack.api.tasks(f"extract_{feed}", run["dag_run_id"])
    ]
    first = min(read(task["start_date"]) for task in extracts)
    last = max(read(task["end_date"]) for task in extracts)
    steps = {"trigger to first task": first - began, "extraction: three DAGs side by side": last - first}
    before = last
    for name in BUILD_STEPS:
        task = tasks[name]
        label = "extraction to build" if name == BUILD_STEPS[0] else "between the build's tasks"
        steps[label] = steps.get(label, timedelta()) + (read(task["start_date"]) - before)
        steps[name] = read(task["end_date"]) - read(task["start_date"])
        before = read(task["end_date"])
    return {name: each.total_seconds() for name, each in steps.items()}


def read(text: str) -> datetime:
    """Read a time of Airflow's API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stack_now() -> datetime:
    """Return the clock, with its zone."""
    return datetime.now().astimezone()


def main() -> None:
    """Print the table, and where it lies against the goal."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "1"))
    sample = load_small_sample()
    last = sample.last_day + timedelta(days=rounds)
    with (
        tempfile.TemporaryDirectory(prefix="ai-finops-empty-day-") as folder,
        cluster() as server,
        running_airflow(
            Path(folder) / "stack",
            cluster=server,
            database="empty_day",
            sample=sample,
            dbt_project=REPOSITORY / "dbt_project",
            more_env={"AI_FINOPS_LAST_DAY": str(last)},
        ) as stack,
    ):
        stack.deliver(sample.first_day, sample.last_day)
        conf = {"first_day": str(sample.first_day), "last_day": str(sample.last_day)}
        run_id = stack.api.trigger("load_history", conf=conf)
        stack.api.wait_for_run("load_history", lambda run: run["dag_run_id"] == run_id, timeout_seconds=900)
        days = [play_empty_day(stack, sample.last_day + timedelta(days=number)) for number in range(1, rounds + 1)]
    show(days)


def show(days: list[EmptyDay]) -> None:
    """Print medians of the rounds."""
    clock = {name: statistics.median(day.clock[name] for day in days) for name in days[0].clock}
    whole = statistics.median(sum(day.clock.values()) for day in days)
    print(f"\n{len(days)} empty days · {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    print("| Step | clock s |\n|---|---|")
    for name, seconds in clock.items():
        print(f"| {name} | {seconds:.1f} |")
    print(f"| **trigger to published marts** (goal ≤ {TARGET_SECONDS:.0f}) | **{whole:.1f}** |")
    cpu = {name: statistics.median(day.cpu[name] for day in days) for name in sorted(days[0].cpu)}
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cpu.items())
    print(f"\nCPU seconds meanwhile: {statistics.median(sum(day.cpu.values()) for day in days):.1f} ({parts})")


if __name__ == "__main__":
    main()
