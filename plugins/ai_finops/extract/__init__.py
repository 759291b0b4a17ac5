"""Land what the sources say into the raw lake: one module per source, all with the same verb.

A source is a module with `CLIENTS` (the clients it needs, by the names of `open_clients`) and

    land(day, *, settings, lake, clients, as_of, allow_empty=False) -> Outcome

where `as_of` is the date on which the source is asked: what it still keeps is counted back from there. What may be in a day
is counted from the day itself, so that a day landed late is the same day.

A new source is a new module and a line in `SOURCES`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from tempfile import gettempdir
from types import ModuleType

from ai_finops.config import Settings
from ai_finops.errors import LakeError, SettingsError
from ai_finops.extract import (
    anthropic,
    bedrock_logs,
    billing,
    cloudwatch,
    cost_explorer,
    focus,
    landings,
    openai,
    traces,
    xray_spans,
)
from ai_finops.extract.clients import open_clients
from ai_finops.lake import Lake, Outcome

SOURCES: dict[str, ModuleType] = {
    "traces": traces,
    "bedrock_logs": bedrock_logs,
    "xray_spans": xray_spans,
    "billing": billing,
    "focus": focus,
    "cost_explorer": cost_explorer,
    "openai": openai,
    "anthropic": anthropic,
    "cloudwatch": cloudwatch,
}


def land(
    source: str, day: date, *, settings: Settings, as_of: date, today: date | None = None, allow_empty: bool = False
) -> Outcome:
    """Land one day of one source in the lake; the outcome is returned, not recorded.

    Args:
        source: A name of `SOURCES`.
        day: The landing day, UTC.
        settings: Where the source and the lake lie.
        as_of: The clock of what is landed: the morning after the day, whenever the run really happens.
        today: The date on which the source is asked, for its retention and against a mistyped day; nothing here looks at a
            clock. Left out, `as_of` counts.
        allow_empty: Let a partition that had rows become empty.
    Raises:
        SettingsError: No such source, or the day is not over by `as_of` or by `today`.
        SourceError: The source cannot be read, or the day is past its retention; the old partition stays.
        LakeError: The lake, or a temporary file, cannot be written; the old partition stays.
    """
    module = _module(source)
    require_over(source, day, as_of=as_of, today=today)
    lake = Lake(settings.lake)
    started = time.monotonic()
    with open_clients(module.CLIENTS, settings=settings) as clients:
        try:
            outcome = module.land(
                day, settings=settings, lake=lake, clients=clients, as_of=today or as_of, allow_empty=allow_empty
            )
        except OSError as error:  # what AWS does is named by who asks it: this is a disk
            raise LakeError(
                f"could not land {source} {day}: {error}; nothing became visible, make room below {settings.home} and "
                f"{gettempdir()} and land it again"
            ) from error
    return replace(outcome, as_of_date=as_of, landing_seconds=round(time.monotonic() - started, 3))


def require_over(source: str, day: date, *, as_of: date, today: date | None = None) -> None:
    """Refuse a landing day that has not ended: an outcome of it would say "nothing came" of a time to come.

    Raises:
        SettingsError: The day is not before `as_of` and `today`.
    """
    bound = min(as_of, today or as_of)
    if not isinstance(day, date) or day >= bound:
        raise SettingsError(f"{source} cannot be landed for {day} as of {bound}; give a day that is over by then")


def record(
    source: str,
    day: date,
    *,
    settings: Settings,
    as_of: date,
    outcome: Outcome | None,
    error: str | None,
    status: str = "failed",
) -> Outcome:
    """Write how the day's landing ended beside the data, and return it.

    After a failure the day's last content is still the current one, so the outcome says `failed` and why, and keeps the
    counts and the partitions of the landing that brought that content: what was quarantined then still is.

    Args:
        outcome: What `land` returned; None when it raised.
        error: The sentence of what it raised.
        status: With an error, how that is recorded: its `outcome_status`.
    Raises:
        SettingsError: No such source, or neither an outcome nor an error.
        LakeError: The lake cannot be written, or the outcome before a failed one cannot be read.
    """
    _module(source)
    lake = Lake(settings.lake)
    if error is not None:
        attempt = {"status": status, "as_of_date": as_of, "extracted_at": landings.now(), "error": error}
        before = lake.outcome(source, day)
        recorded = replace(before, **attempt) if before else Outcome(source, day, **attempt)
    elif outcome is not None:
        recorded = replace(outcome, as_of_date=as_of)
    else:
        raise SettingsError(f"{source} {day} has neither an outcome nor an error to record")
    lake.record_outcome(recorded)
    return recorded


def _module(source: str) -> ModuleType:
    try:
        return SOURCES[source]
    except KeyError:
        raise SettingsError(f"unknown source {source!r}; known are {', '.join(SOURCES)}") from None
