"""The pool by which one task at a time writes a build, whichever DAG it is of.

Airflow never schedules a task whose pool does not exist, and says so in the scheduler's log alone. So the pool is made wherever
a scheduler starts with this project's plugin; `airflow pools import plugins/ai_finops/orchestrate/pools.json` makes it too, any
number of times. Within the pool, the file lock of `build/lock.py` keeps out whoever is not Airflow, such as `ai-finops run`.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl

POOLS_FILE = Path(__file__).with_name("pools.json")
BUILD_POOL = "ai_finops_build"
logger = logging.getLogger(__name__)


def build_slot(step: int) -> dict[str, Any]:
    """Return a task's arguments to take the pool's slot; a later step of a build goes before the first of another.

    Args:
        step: Place in the build, from 0.
    """
    return {"pool": BUILD_POOL, "priority_weight": 1 + step, "weight_rule": "absolute"}


def make_missing_pools() -> list[str]:
    """Make the pools of `pools.json` that Airflow does not have; return their names. What is there is left as it is."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted, made = json.loads(POOLS_FILE.read_text(encoding="utf-8")), []
    with create_session() as session:
        there = set(session.scalars(select(Pool.pool).where(Pool.pool.in_(wanted))))
        for name, pool in wanted.items():
            if name not in there:
                session.add(Pool(pool=name, **pool))
                made.append(name)
    return made


class PoolsListener:
    """Makes missing pools when a scheduler starts. Airflow tells of every job alike, before it says which kind it is."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """Make them, and let the scheduler start all the same where that fails."""
        from sqlalchemy.exc import SQLAlchemyError

        if type(component).__name__ != "Job":  # a task's process has no way to Airflow's database
            return
        try:
            made = make_missing_pools()
        except (
            SQLAlchemyError
        ) as error:  # another scheduler that starts now makes the same one; or there is no database yet
            logger.warning("pools were not made (%s); run airflow pools import %s", type(error).__name__, POOLS_FILE)
        else:
            for name in made:
                logger.warning("made the pool %s, which was not there", name)
