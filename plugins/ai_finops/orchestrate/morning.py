"""Whether the marts of a day are published by the hour at which they are due, why not, and what stands in for a late feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.extract import landings
from ai_finops.lake import Lake, Outcome
from ai_finops.publish.current import current_build, read_published_record

STAND_IN = "had not reported by"
"""Stands in the error of an outcome that no extraction wrote."""


@dataclass(frozen=True, slots=True)
class Late:
    """The marts of a day are late."""

    day: date
    text: str
    unreported_feeds: tuple[str, ...]
    """Feeds for which no run has written how the day went, so that the build waits for them."""


def find_late(settings: Settings, *, day: date, due: time, is_running: Callable[[str], bool]) -> Late | None:
    """Return why the marts of a day are not published; None when they are, or when nothing was ever landed.

    Args:
        due: The hour, UTC, at which they should have been; for the text alone.
        is_running: Whether a DAG has a run that is not over.
    Raises:
        LakeError, PublishError: An outcome or the published build cannot be read.
    """
    lake = Lake(settings.lake)
    if not any(lake.days(source) for source in settings.sources):
        return None  # before the first load_history there is nothing to be late
    outcomes = {source: lake.outcome(source, day) for source in settings.sources}
    if _is_published(settings, day=day, outcomes=outcomes):
        return None
    unreported = tuple(
        feed
        for feed, sources in settings.sources_by_feed.items()
        if any(_is_open(outcomes[source]) for source in sources)
    )
    said = [_of_feed(feed, is_running=is_running) for feed in unreported]
    said += [
        f"{source} could not be read: {outcome.error}"
        for source, outcome in outcomes.items()
        if outcome and outcome.error and not _is_open(outcome)
    ]
    said.append(_of_build(unreported, is_running=is_running))
    return Late(day, f"The marts of {day} are not published by {due:%H:%M} UTC: {'; '.join(said)}.", unreported)


def stand_in(settings: Settings, *, feed: str, day: date, due: time) -> bool:
    """Record, for each source of a feed that has no outcome of the day, that none came; return whether the build may start.

    An outcome that an extraction writes, before, after or at this moment, stays: this one is only ever the first. Where all of
    them are an extraction's, it has told the build itself.

    Raises:
        LakeError: The lake refuses.
    """
    lake, is_stand_in = Lake(settings.lake), False
    for source in settings.sources_by_feed[feed]:
        error = f"extract_{feed} {STAND_IN} {due:%H:%M} UTC; the build of that morning went without it"
        missing = Outcome(source, day, "missing", morning_after(day), landings.now(), error=error)
        is_stand_in |= lake.record_first_outcome(missing) or _is_open(lake.outcome(source, day))
    return is_stand_in


def _is_open(outcome: Outcome | None) -> bool:
    """Whether no extraction has reported yet."""
    return outcome is None or (outcome.status == "missing" and STAND_IN in (outcome.error or ""))


def _is_published(settings: Settings, *, day: date, outcomes: Mapping[str, Outcome | None]) -> bool:
    current = current_build(settings)
    if current is None:
        return False
    record = read_published_record(current)
    if str(day) in record["days"]:
        return True
    # A day on which every source gave nothing lies past the build's clock. It is done when a build has seen that.
    empty = [outcome for outcome in outcomes.values() if outcome and outcome.status == "empty"]
    seen_until = datetime.fromisoformat(record["built_at"])
    return len(empty) == len(outcomes) and all(outcome.extracted_at <= seen_until for outcome in empty)


def _of_feed(feed: str, *, is_running: Callable[[str], bool]) -> str:
    dag_id = f"extract_{feed}"
    if is_running(dag_id):
        return f"{dag_id} has not reported, a run of it is still going"
    return (
        f"{dag_id} has not reported and no run of it is going, so it is paused, never started or ended without a report"
    )


def _of_build(unreported: tuple[str, ...], *, is_running: Callable[[str], bool]) -> str:
    if unreported:
        return "build_marts starts now with what there is, and what comes later is in the next build"
    if is_running("build_marts"):
        return "build_marts is still running or waits for its slot in the pool ai_finops_build"
    return "every feed has reported and build_marts is not running, so it failed, is paused or was not started"
