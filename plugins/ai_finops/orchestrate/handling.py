"""What every DAG does about a task that fails: try it again by the table, then tell the alert channel once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DeadlineAlert, SyncCallback

from ai_finops.orchestrate.alerting import tell_of_failure, tell_of_slow_run
from ai_finops.orchestrate.deadlines import SinceQueued
from ai_finops.orchestrate.retrying import retries


def handled() -> dict[str, Any]:
    """Return the `default_args` of every DAG."""
    return {**retries(), "on_failure_callback": tell_of_failure}


def told_when_longer_than(interval: timedelta) -> DeadlineAlert:
    """Return a DAG's deadline: a run that is not over so long after it was queued is told of, once, and goes on."""
    words = (
        f"{interval.total_seconds() / 3600:g} h" if interval >= timedelta(hours=1) else f"{interval.seconds // 60} min"
    )
    return DeadlineAlert(
        reference=SinceQueued(),
        interval=interval,
        callback=SyncCallback(tell_of_slow_run, kwargs={"within": words}),
    )
