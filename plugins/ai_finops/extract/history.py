"""Land a range of days from one source, day by day: what a shell and `load_history` both call.

Only the outcomes are held in memory, a few hundred bytes a day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial

from ai_finops import extract
from ai_finops.config import Settings
from ai_finops.days import days_between, morning_after
from ai_finops.errors import PartitionExpired, SettingsError, SourceBroken, SourceError
from ai_finops.extract.history_log import open_log
from ai_finops.lake import Lake, Outcome

MOST_DAYS = 3_700
"""Ten years: a longer range is a mistyped one."""
MOST_SENTENCES = 20


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
    leaving_out: Collection[date] = (),
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
        leaving_out: Days that are landed already and are passed over; they have no outcome here.
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
        if day in leaving_out:
            continue
        recorded = partial(extract.record, source, day, settings=settings, as_of=clock)
        try:
            landed = extract.land(source, day, settings=settings, as_of=clock, today=today, allow_empty=allow_empty)
        except SourceError as error:
            outcome = recorded(outcome=None, error=str(error), status=error.outcome_status)
            if not isinstance(error, (SourceBroken, PartitionExpired)):
                on_day(outcome)
                raise
        else:
            outcome = recorded(outcome=landed, error=None)
        outcomes[day.isoformat()] = outcome
        on_day(outcome)
    return outcomes


def failures(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return one sentence for each day that could not be landed."""
    return [f"{outcome.source} {day}: {outcome.error}" for day, outcome in outcomes.items() if outcome.error]


def land_run(
    source: str,
    *,
    run: str,
    first: date,
    last: date,
    settings: Settings,
    today: date,
    tell: Callable[[str, Outcome], None] = lambda line, outcome: None,
) -> dict[str, object]:
    """Land each day of a range for one run; another attempt of the same run leaves out the days that it has landed already.

    Args:
        run: The run's name; another name lands all days again.
        tell: Gets a line of progress and the outcome after each day.
    Returns:
        `line` (how far it is), `landed_now`, `left_out`, `failed_count`, and `failures`: a sentence for each day that could
        not be landed, of at most `MOST_SENTENCES`; the outcomes in the lake have them all.
    Raises:
        As `land_days`; what was landed until then is written down.
    """
    log = open_log(settings, run=run, source=source, first=first, last=last)
    lake = Lake(settings.lake)
    # What somebody removed from the lake since is landed again.
    left_out = {day for day in log.done if (before := lake.outcome(source, day)) and not before.error}
    for day in set(log.done) - left_out:
        del log.done[day]
    began = time.monotonic()

    def on_day(outcome: Outcome) -> None:
        nonlocal began
        log.add(outcome, seconds=time.monotonic() - began)
        began = time.monotonic()
        tell(f"{outcome.landing_date} {outcome.status}; {log.line()}", outcome)

    outcomes = land_days(
        source, first=first, last=last, settings=settings, today=today, on_day=on_day, leaving_out=left_out
    )
    failed = failures(outcomes)
    return {
        "line": log.line(),
        "landed_now": len(outcomes) - len(failed),
        "left_out": len(left_out),
        "failed_count": len(failed),
        "failures": failed[:MOST_SENTENCES],
    }
