"""Land a day whole and in shards, in two deployments with the same keys of users, and hold the two lakes against each other."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

from ai_finops import extract
from ai_finops.config import Settings
from ai_finops.extract import shard_scratch, trace_shards
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy import user_keys

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)


def land_whole(settings: Settings, *, day: date = DAY, **more) -> Outcome:
    """Land a day as `extract.land` does."""
    return extract.land("traces", day, settings=settings, as_of=AS_OF, **more)


def land_divided(settings: Settings, *, day: date = DAY, run: str = "a run", **more) -> Outcome:
    """Land a day by plan, shards and join, and remove what they wrote."""
    plan = trace_shards.plan(day, run=run, settings=settings, as_of=AS_OF)
    for number in reversed(range(plan.shard_count)):  # their order is nobody's business
        trace_shards.land_shard(day, plan_id=plan.plan_id, number=number, settings=settings)
    outcome = trace_shards.join(day, plan_id=plan.plan_id, settings=settings, as_of=AS_OF, **more)
    shard_scratch.remove_plan(Lake(settings.lake), "traces", day, plan.plan_id)
    return outcome


def with_known_users(settings: Settings, *users: str, forgotten: tuple[str, ...] = ()) -> Settings:
    """Give each user a key, and forget some of them."""
    with user_keys.changing(settings) as keys:
        keys.pseudonyms(users)
        for each in forgotten:
            keys.suppress(each, on=DAY)
    return settings


def twin(settings: Settings, home: Path) -> Settings:
    """Return a deployment with a copy of all that another one has."""
    shutil.copytree(settings.home, home)
    return replace(settings, home=home)


def content(settings: Settings) -> dict[str, str]:
    """Return the hash of every file of the lake that readers may look at, and of what is left of shards."""
    files = [path for part in ("data", "shards") for path in (settings.home / "lake" / part).rglob("*")]
    return {
        str(path.relative_to(settings.home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


def timeless(outcome: Outcome) -> Outcome:
    """Return an outcome without what says when and how quickly it came about."""
    return replace(outcome, extracted_at=AS_OF, landing_seconds=None)
