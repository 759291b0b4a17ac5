"""What Airflow calls when a task of the weekly message has failed for good."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError
from ai_finops.orchestrate.runs import week_of_run

MOST_ERROR_LENGTH = 500
logger = logging.getLogger(__name__)


def tell_of_failure(context: Mapping[str, Any]) -> None:
    """Tell the alert channel, after the last retry, which task failed for which week and why."""
    from ai_finops import report

    task_instance = context["ti"]
    try:
        week = f"the week of {week_of_run(context)}"
    except AiFinopsError:
        week = "a week that the run does not say"
    error = str(context.get("exception") or "no reason is known")[:MOST_ERROR_LENGTH]
    told = report.alert(
        Settings.from_env(),
        f"The AI cost message for {week} failed in {task_instance.dag_id}.{task_instance.task_id}: {error}\n"
        "Its text is kept under reviews/, as far as it was composed; mend what is said here and clear the run.",
    )
    logger.info("told of the failure: %s", ", ".join(told) or "nobody, there is no Slack connection and no e-mail")
