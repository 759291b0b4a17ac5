"""Land a range of days from one source, day by day: what a shell and `load_history` both call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from ai_finops import extract
from ai_finops.config import Settings
from ai_finops.days import days_between, morning_after
from ai_finops.errors import PartitionExpired, SettingsError, SourceBroken, SourceError
from ai_finops.lake import Outcome

MOST_DAYS = 3_700
"""Ten years: a longer range is a mistyped one."""


def land_days(
    source: str,
    *,
    first: date,
    last: date,
    settings: Settings,
    as_of: date | None = None,
    today: date | None = None,
    allow_empty: bool = False,
    on_day: Callable[[Outcome], None] = lambda outcome: None,
) -> dict[str, Outcome]:
    """Land each day from `first` to `last` and record its outcome; a day that cannot be read does not stop the others.

    Args:
        source: A name of `extract.SOURCES`.
        first: First landing day.
        last: Last landing day, included.
        settings: Where things lie.
        as_of: The clock of the landing; the morning after `last` when left out.
        today: The caller's real date: the range must be over by then, or nothing is landed.
        allow_empty: Let a day that had rows become empty.
        on_day: Called with each day's outcome, for progress.
    Returns:
        The outcome by day, `YYYY-MM-DD`; a day that could not be read has status `failed` or `expired`, and its error.
    Raises:
        SettingsError: The range is backwards, too long or not over, or the source is unknown.
        SourceError: Credentials refused, no such bucket, no answer: trying further days would only repeat it. The day at
            which it happened is recorded as failed.
    """
    if last < first:
        raise SettingsError(f"the range ends before it begins: {first} to {last}; give the earlier day first")
    if (day_count := (last - first).days + 1) > MOST_DAYS:
        raise SettingsError(f"{first} to {last} is {day_count} days; land at most {MOST_DAYS} at a time")
    extract.require_over(source, last, as_of=today or as_of or date.max)  # before the morning after: there may be none
    clock = as_of or morning_after(last)
    extract.require_over(source, last, as_of=clock)
    outcomes: dict[str, Outcome] = {}
    for day in days_between(first, last):
        recorded = partial(extract.record, source, day, settings=settings, as_of=clock)
        try:
            landed = extract.land(source, day, settings=settings, as_of=clock, today=today, allow_empty=allow_empty)
        except SourceError as error:
            outcome = recorded(outcome=None, error=str(error), status=error.outcome_status)
            if not isinstance(error, (SourceBroken, PartitionExpired)):
                raise
        else:
            outcome = recorded(outcome=landed, error=None)
        outcomes[day.isoformat()] = outcome
        on_day(outcome)
    return outcomes


def failures(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return one sentence for each day that could not be landed."""
    return [f"{outcome.source} {day}: {outcome.error}" for day, outcome in outcomes.items() if outcome.error]
