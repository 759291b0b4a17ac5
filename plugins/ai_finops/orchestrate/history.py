"""How a run of `load_history` shows its progress, and what it says at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ai_finops.lake import Outcome

XCOM_SECONDS = 10.0
"""Between two updates of the XCom; each is a request to Airflow's API server."""
logger = logging.getLogger(__name__)


class Progress:
    """Writes a line of progress to the task's log after each day, and now and then to its XCom `progress`."""

    def __init__(self, task_instance: Any, *, clock: Callable[[], float]) -> None:
        self._task_instance = task_instance
        self._clock = clock
        self._pushed_at: float | None = None

    def __call__(self, line: str, outcome: Outcome) -> None:
        """Show the line."""
        logger.info("%s%s", line, f": {outcome.error}" if outcome.error else "")
        now = self._clock()
        if self._pushed_at is None or now - self._pushed_at >= XCOM_SECONDS:
            self._task_instance.xcom_push(key="progress", value=line)
            self._pushed_at = now


def sentences_of(task_instance: Any, *, sources: Sequence[str]) -> list[str]:
    """Return what a run could not do, a sentence each."""
    sentences = []
    for source in sources:
        landed = task_instance.xcom_pull(task_ids=f"land_{source}")
        if landed is None:
            sentences.append(f"land_{source} did not come to its end; its log and its alert say why")
        else:
            sentences += landed["failures"]
            more = landed["failed_count"] - len(landed["failures"])
            sentences += [f"{more} more days of {source}: the page's data health lists them"] if more else []
    if task_instance.xcom_pull(task_ids="build_history") is None:
        sentences.append("build_history published nothing; its log and its alert say why")
    return sentences
