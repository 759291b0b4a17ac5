"""What Airflow calls when a task failed for good or a run takes too long: one alert, which never fails or hangs the task."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError
from ai_finops.orchestrate.alert_rate import may_tell

MOST_SECONDS = 120.0
"""Past it the alert is given up; Slack and the mail server have 30 s each for one answer, and Slack may ask to wait."""
logger = logging.getLogger(__name__)


class ToldAlready(AirflowFailException):
    """A check has told the alert channel itself; its red task is not told of once more."""


def tell_of_failure(context: Mapping[str, Any]) -> None:
    """Tell the alert channel which task failed, for what day, why, and what to do. For `on_failure_callback` of a task."""
    if isinstance(context.get("exception"), ToldAlready):
        return
    from ai_finops.orchestrate.alert_words import failure_text

    task_instance = context["ti"]
    _tell(
        lambda settings: failure_text(context, settings=settings), about=(task_instance.dag_id, task_instance.task_id)
    )


def tell_of_slow_run(*, within: str, context: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Tell the alert channel that a run is not over yet. For a `DeadlineAlert`, whose context is plain values."""
    from ai_finops.orchestrate.alert_words import slow_run_text

    run = (context or {}).get("dag_run") or {}
    if run.get("state") in (
        "success",
        "failed",
    ):  # Airflow keeps the deadline of a run that failed, which was told of then
        return
    about = (str(run.get("dag_id") or "a DAG"), "run")
    _tell(lambda settings: slow_run_text(run, within=within, settings=settings), about=about)


def _tell(compose: Callable[[Settings], str], *, about: tuple[str, str]) -> None:
    """Compose and send in a thread of its own, and wait for it no longer than `MOST_SECONDS`."""

    def send() -> None:
        from ai_finops import report

        try:
            settings = Settings.from_env()
            text = compose(settings)
            held_back = may_tell(settings.home / "alerts", about=about, now=datetime.now(UTC))
            if held_back is None:
                logger.error("not told, since this task was told of often enough within the hour: %s", text)
                return
            told = report.alert(settings, f"{text}{held_back}")
            logger.info("told of it: %s", ", ".join(told) or "nobody, there is no Slack connection and no e-mail")
        except AiFinopsError as error:
            logger.error("%s.%s failed, and nobody could be told: %s", *about, error)
        except Exception:  # whatever it is, the task's own end must not change
            logger.exception("%s.%s failed, and nobody could be told", *about)

    sender = threading.Thread(target=send, daemon=True, name="alert")
    with suppress(RuntimeError):  # no thread can be started: the task has failed and its log says so
        sender.start()
        sender.join(MOST_SECONDS)
    if sender.is_alive():
        logger.error("the alert on %s.%s was given up after %.0f s", *about, MOST_SECONDS)
