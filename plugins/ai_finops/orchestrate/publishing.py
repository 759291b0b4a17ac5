"""Publish from a DAG, and tell Airflow which days the published marts now hold."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ai_finops.assets import PUBLISHED_MARTS
from ai_finops.config import Settings
from ai_finops.errors import OlderBuild

logger = logging.getLogger(__name__)


def publish_or_give_way(*, settings: Settings, build: dict[str, str]) -> dict[str, Any]:
    """Publish a build, or leave in place one that was prepared later and was faster; return what is published.

    The tasks of two DAGs may take turns in the pool, so that a build of `load_history` overtakes one of `build_marts`. The
    later one read the lake after this one did, and the lake forgets nothing: all that this one holds is in it.
    """
    from ai_finops import publish
    from ai_finops.publish.current import read_published_record, require_current

    try:
        return publish.publish(settings=settings, build=build)
    except OlderBuild as error:
        logger.warning("%s; nothing is lost: it holds what this one does", error)
        place = require_current(settings)
        record = read_published_record(place)
        kept = {name: record[name] for name in ("build_id", "as_of_date", "row_counts")}
        return {"path": str(place), **kept, "new_days": []}  # these the later build's own task announces


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
