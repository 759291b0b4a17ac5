"""The story that both executors play: six days of a week are backfilled, then the seventh."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ai_finops.days import days_between
from tests.scheduler import promises
from tests.scheduler.airflow_stack import AirflowStack
from tests.scheduler.small_sample import MONDAY, SUNDAY

SATURDAY = SUNDAY - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Week:
    """What a played week left behind, read before its Airflow was stopped."""

    on_saturday: list[str]
    """Weekly runs and messages there were when six days were published."""
    keys: dict[str, list[str]]
    """Partition keys of the runs of each DAG, sorted."""
    states: set[str]
    """States of all runs."""
    messages: list[str]
    """Mondays of the messages posted."""
    published_days: set[date]
    broken_promises: list[str]
    marts: Path
    """A copy of the published build."""
    task_tries: dict[str, int]
    """The most tries that a task of each name took."""
    tasks_by_scheduler: dict[str, int]
    """How many tasks each scheduler saw to the end."""


def play_week(stack: AirflowStack, *, meanwhile: Callable[[AirflowStack], None] = lambda stack: None) -> Week:
    """Backfill Monday to Saturday, then Sunday, and wait for the week's run; `meanwhile` is called once it is under way."""
    stack.deliver(MONDAY, SUNDAY)
    stack.backfill(MONDAY, SATURDAY)
    meanwhile(stack)
    for day in days_between(MONDAY, SATURDAY):
        stack.wait_for("build_marts", day)
    # A run that should not be there would come with the scheduler's next round.
    time.sleep(5)
    on_saturday = [*(run["partition_key"] for run in stack.runs("report_weekly")), *promises.weekly_messages(stack)]
    stack.backfill(SUNDAY, SUNDAY)
    stack.wait_for("build_marts", SUNDAY)
    stack.wait_for("report_weekly", MONDAY)
    dag_ids = (*(f"extract_{feed}" for feed in stack.settings.sources_by_feed), "build_marts", "report_weekly")
    runs = {dag_id: stack.runs(dag_id) for dag_id in dag_ids}
    tasks = [
        task for dag_id, found in runs.items() for run in found for task in stack.api.tasks(dag_id, run["dag_run_id"])
    ]
    tries: dict[str, int] = {}
    for task in tasks:
        tries[task["task_id"]] = max(task["try_number"], tries.get(task["task_id"], 0))
    marts = stack.logs.parent / "marts-of-the-week"
    shutil.copytree((stack.settings.published / "current").resolve(), marts)
    return Week(
        on_saturday=on_saturday,
        keys={dag_id: sorted(run["partition_key"][:10] for run in found) for dag_id, found in runs.items()},
        states={run["state"] for found in runs.values() for run in found},
        messages=promises.weekly_messages(stack),
        published_days=promises.days_published(stack.settings),
        broken_promises=promises.broken_promises(stack),
        marts=marts,
        task_tries=tries,
        tasks_by_scheduler=stack.tasks_by_scheduler(),
    )


def unlike_a_whole_week(week: Week) -> list[str]:
    """Return a sentence for everything that is not as a week must be, whichever executor ran it; none is as it should be."""
    days = [str(day) for day in days_between(MONDAY, SUNDAY)]
    expected = dict.fromkeys(week.keys, days) | {"report_weekly": [str(MONDAY)]}
    return [
        *(f"half a week fired: {what}" for what in week.on_saturday),
        *(f"{dag_id} ran for {keys}" for dag_id, keys in week.keys.items() if keys != expected[dag_id]),
        *(f"a run is {state}" for state in week.states - {"success"}),
        *([] if week.messages == [str(MONDAY)] else [f"messages of {week.messages} were posted"]),
        *(f"{day} is not published" for day in set(days_between(MONDAY, SUNDAY)) - week.published_days),
        *week.broken_promises,
    ]
