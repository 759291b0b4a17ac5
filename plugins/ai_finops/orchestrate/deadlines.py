"""What a DAG's deadline counts from: when its run was queued, in a way that a cleared run survives.

Airflow 3.3's own `DeadlineReference.DAGRUN_QUEUED_AT` makes clearing such a run fail with status 500: since then the interval
is kept as JSON, and the clear reads it as a number (https://github.com/apache/airflow/issues/70368, open in 3.3.2).
Airflow looks for that reference by its name, and finds ours by the plugin. A cleared run keeps the deadline of its first start.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class SinceQueued(BaseDeadlineReference):
    """The moment at which a run was queued."""

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        return session.scalar(select(DagRun.queued_at).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
