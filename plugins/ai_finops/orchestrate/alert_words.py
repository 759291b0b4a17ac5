"""What an alert says: which DAG, task and day, the error without secrets, and where the runbook says what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ai_finops.config import Settings
from ai_finops.report.wording import one_line

MOST_ERROR_LENGTH = 600
MOST_READ = 4000
"""Of an error of any length, as a failed statement with its data may have; what is cut off here is not told."""
_SECRETS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "[key]"),
    (re.compile(r"\b(?:sk-|xox[abeprs]-|xapp-|gh[pousr]_|glpat-)[\w.*-]{6,}"), "[key]"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"), "[token]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 [token]"),
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"), "[password]"),
    (re.compile(r"https://hooks\.slack\.com/\S+"), "[webhook]"),
    (
        re.compile(
            r"(?i)\b((?:[\w-]*(?:password|passwd|secret|token|api[_-]?key|signature|credential))[\w-]*[\"']?\s*[=:]\s*)[\"']?[^\s\"',;&]+"
        ),
        r"\1[removed]",
    ),
)


def failure_text(context: Mapping[str, Any], *, settings: Settings) -> str:
    """Return the alert on a task that failed for good, in lines."""
    task_instance = context["ti"]
    dag_id, task_id = task_instance.dag_id, task_instance.task_id
    tries = getattr(task_instance, "try_number", None)
    after = f", after {tries} attempts" if isinstance(tries, int) and tries > 1 else ""
    said = context.get("exception") or context.get("reason")
    error = safe(str(said)) if said else "its process ended without saying why: killed, or out of memory"
    lines = [
        f"AI cost: {dag_id} failed in {task_id} for {subject(context)}{after}.",
        f"Why: {error}",
        f"What to do: {settings.runbook_url}#{anchor(dag_id, task_id)}",
    ]
    log = _log_url(task_instance)
    return "\n".join([*lines, *([f"Log: {log}"] if log else [])])


def slow_run_text(run: Mapping[str, Any], *, within: str, settings: Settings) -> str:
    """Return the alert on a run that is not over by the time that it mostly takes a part of."""
    dag_id = str(run.get("dag_id") or "a DAG")
    about = run.get("partition_key") or run.get("dag_run_id") or run.get("run_id") or "a run without a name"
    return (
        f"AI cost: {dag_id} is not over after {within} for {safe(str(about))}; it goes on.\n"
        f"What to do: {settings.runbook_url}#a-run-takes-too-long"
    )


def subject(context: Mapping[str, Any]) -> str:
    """Return what a run is about: its day, week or range, else its own id."""
    run, params = context.get("dag_run"), context.get("params") or {}
    key = getattr(run, "partition_key", None) or params.get("day") or params.get("week")
    if key:
        return safe(str(key))
    if params.get("first_day") and params.get("last_day"):
        return safe(f"{params['first_day']} to {params['last_day']}")
    return f"run {safe(str(getattr(run, 'run_id', None) or context.get('run_id') or 'unknown'))}"


def anchor(dag_id: str, task_id: str) -> str:
    """Return the runbook's anchor of a task, as it is made of the heading `dag: task`; sources share one."""
    return f"{dag_id}-{'land' if task_id.startswith('land_') else task_id}"


def safe(text: str) -> str:
    """Return an error in one line, shortened, and without what looks like a secret or is one that Airflow knows."""
    masked = _known_to_airflow(text[:MOST_READ])
    for pattern, replacement in _SECRETS:
        masked = pattern.sub(replacement, masked)
    return one_line(masked, most=MOST_ERROR_LENGTH)


def _known_to_airflow(text: str) -> str:
    from airflow.sdk.log import redact

    return str(redact(text))


def _log_url(task_instance: Any) -> str:
    """Return the address of the task's log; '' where Airflow does not know it, as in its DAG processor."""
    try:
        return str(task_instance.log_url)
    except Exception:  # noqa: BLE001 - of Airflow's own making, and no reason to tell nobody
        return ""
