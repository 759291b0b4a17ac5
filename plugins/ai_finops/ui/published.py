"""The published build that a request reads: opened by its resolved path, so that a publish in between does no harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.candidate import candidates
from ai_finops.config import Settings
from ai_finops.publish import current_build, open_published
from ai_finops.ui.view import Warn

if TYPE_CHECKING:
    import duckdb

STALE_DAYS = 2
"""Marts whose clock lies further back than this are shown as stale; a day is published in the morning after it."""


@dataclass(frozen=True, slots=True)
class Build:
    """Which build is shown."""

    build_id: str
    as_of_date: date
    """The first day that it does not hold."""
    built_at: datetime


@contextmanager
def open_build(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Build]]:
    """Open what is published now and say which build it is.

    Raises:
        PublishError: Nothing is published, or it cannot be read.
    """
    connection = open_published(settings)
    try:
        ((build_id, as_of_date, built_at),) = connection.execute(
            "select build_id, as_of_date, cast(built_at as timestamp) from dim_builds"
        ).fetchall()
        yield connection, Build(build_id=build_id, as_of_date=as_of_date, built_at=built_at)
    finally:
        connection.close()


def published_id(settings: Settings) -> str | None:
    """Return the id of the published build without opening it; None before any."""
    folder = current_build(settings)
    return folder.name if folder else None


def state_warns(build: Build, *, settings: Settings, today: date) -> tuple[Warn, ...]:
    """Say what is wrong with what is shown: too old, or a newer build that failed its audit."""
    return tuple(warn for warn in (_stale(build, today=today), _failed(build, settings=settings)) if warn)


def _stale(build: Build, *, today: date) -> Warn | None:
    age_days = (today - build.as_of_date).days
    if age_days <= STALE_DAYS:
        return None
    return Warn(
        f"Stale: the newest published day lies before {build.as_of_date.isoformat()}, {age_days} days ago. "
        "See the runs of build_marts.",
        "warning",
    )


def _failed(build: Build, *, settings: Settings) -> Warn | None:
    """The newest candidate's audit, where it is newer than what is published."""
    newest = next(iter(reversed(candidates(settings))), None)
    if newest is None or newest.name <= build.build_id:
        return None
    audit = _read(newest / "audit.json")
    if audit is None or audit.get("is_passed"):
        return None
    failures = audit.get("failures") or []
    first = f": {failures[0]}" if failures else ""
    return Warn(
        f"Build {newest.name} failed its audit ({len(failures)} expectations{first}). "
        f"What you see is the last good build, {build.build_id}.",
        "warning",
    )


def _read(file: Path) -> dict | None:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
