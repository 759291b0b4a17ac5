"""Tell Airflow which days the published marts now hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ai_finops.assets import PUBLISHED_MARTS


def announce(published: Mapping[str, Any], *, context: Mapping[str, Any], run_day: date | None = None) -> list[str]:
    """Emit a partition event for each day that this build brought, and for the run's own day.

    A failed or collapsed run leaves its days to the next build, which announces them too: else their week would never
    be complete.

    Args:
        published: What `publish` returned; `new_days` are the days the build before did not hold.
        context: The task's context.
        run_day: The day the run is about, announced also when it was there before.
    Returns:
        The days announced, in order.
    """
    days = set(published["new_days"])
    if run_day is not None:
        days.add(run_day.isoformat())
    announced = sorted(days)
    event = context["outlet_events"][PUBLISHED_MARTS]
    event.extra = {"build_id": published["build_id"]}
    event.add_partitions(announced)
    return announced
