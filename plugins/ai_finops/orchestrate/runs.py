"""Which day or week a DAG run is about: its partition key, else what the person who triggered it typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, timedelta
from typing import Any

from ai_finops.days import parse_day, week_start
from ai_finops.errors import SettingsError

_LEADING_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def day_of_run(context: Mapping[str, Any]) -> date:
    """Return the day that a run is about.

    `airflow dags test` and a plain manual trigger give no partition key; there the `day` parameter counts.

    Raises:
        SettingsError: The run has neither, or what it has is not a date.
    """
    key = context["dag_run"].partition_key or (context.get("params") or {}).get("day")
    if not key:
        raise SettingsError(
            f"run {context['dag_run'].run_id} of {context['dag_run'].dag_id} has no partition key; "
            "trigger it with the parameter day, written as YYYY-MM-DD"
        )
    return parse_day(key, what="the run's day")


def day_before_run(context: Mapping[str, Any]) -> date:
    """Return the day before a run of a morning was due, or the one that the `day` parameter asks for.

    Raises:
        SettingsError: What was asked for is not a date.
    """
    asked = (context.get("params") or {}).get("day")
    if asked:
        return parse_day(asked, what="the run's day")
    return context["dag_run"].run_after.astimezone(UTC).date() - timedelta(days=1)


def week_of_run(context: Mapping[str, Any]) -> date:
    """Return the Monday of the week that a run is about; its key reads `2025-06-09 (W24)`.

    Raises:
        SettingsError: The run has neither a partition key nor a `week` parameter, or it is not a date.
    """
    key = context["dag_run"].partition_key or (context.get("params") or {}).get("week")
    if not key:
        raise SettingsError(
            f"run {context['dag_run'].run_id} of {context['dag_run'].dag_id} has no partition key; "
            "trigger it with the parameter week, any day of that week written as YYYY-MM-DD"
        )
    found = _LEADING_DAY.match(key)
    return week_start(parse_day(found.group() if found else key, what="the run's week"))


def range_of_run(context: Mapping[str, Any]) -> tuple[date, date]:
    """Return the first and the last day of a run with the parameters `first_day` and `last_day`.

    Raises:
        SettingsError: One of them is not a date.
    """
    params = context["params"]
    return parse_day(params["first_day"], what="first_day"), parse_day(params["last_day"], what="last_day")


def started_on(context: Mapping[str, Any]) -> date:
    """Return the UTC day on which Airflow really started the run: no day that is not over by then can be landed.

    A backfilled run's `run_after` lies in the past with its partition, so it cannot serve for that.
    """
    return context["dag_run"].start_date.astimezone(UTC).date()
