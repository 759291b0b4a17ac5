"""Tell Airflow which days the published marts now hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ai_finops.assets import PUBLISHED_MARTS


def announce(published: Mapping[str, Any], *, context: Mapping[str, Any], run_days: Iterable[date]) -> list[str]:
    """Emit a partition event for each day that this build brought, and for the run's own days.

    A failed or collapsed run leaves its days to the next build, which announces them too: else their week would never
    be complete. The run's own days are announced also when a build before held them, since that run may have been
    killed before it could say so.

    Args:
        published: What `publish` returned; `new_days` are the days the build before did not hold, and days from
            `as_of_date` on are not in the marts.
        context: The task's context.
        run_days: The days the run is about.
    Returns:
        The days announced, in order.
    """
    held = {day.isoformat() for day in run_days if day.isoformat() < published["as_of_date"]}
    announced = sorted({*published["new_days"], *held})
    event = context["outlet_events"][PUBLISHED_MARTS]
    event.extra = {"build_id": published["build_id"]}
    event.add_partitions(announced)
    return announced
