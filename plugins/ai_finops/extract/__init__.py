"""Land what the sources say into the raw lake: one module per source, all with the same verb.

A source is a module with `CLIENTS` (the boto3 clients it needs) and

    land(day, *, settings, lake, clients, as_of, allow_empty=False) -> Outcome

A new source is a new module and a line in `SOURCES`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import ModuleType

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.errors import SettingsError
from ai_finops.extract import billing, cloudwatch, landings, traces
from ai_finops.lake import Lake, Outcome

SOURCES: dict[str, ModuleType] = {"traces": traces, "billing": billing, "cloudwatch": cloudwatch}


def land(source: str, day: date, *, settings: Settings, as_of: date, allow_empty: bool = False) -> Outcome:
    """Land one day of one source in the lake; the outcome is returned, not recorded.

    Args:
        source: A name of `SOURCES`.
        day: The landing day, UTC.
        settings: Where the source and the lake lie.
        as_of: The run's today; nothing here looks at a clock.
        allow_empty: Let a partition that had rows become empty.
    Raises:
        SettingsError: No such source, or the day is not over by `as_of`.
        SourceError: The source cannot be read, or the day is past its retention; the old partition stays.
        LakeError: The lake cannot be written; the old partition stays.
    """
    module = _module(source)
    if not isinstance(day, date) or day > as_of:
        raise SettingsError(f"{source} cannot be landed for {day} as of {as_of}; give a day that is not in the future")
    clients = {name: aws.client(name, settings=settings) for name in module.CLIENTS}
    lake = Lake(settings.lake)
    return module.land(day, settings=settings, lake=lake, clients=clients, as_of=as_of, allow_empty=allow_empty)


def record(
    source: str, day: date, *, settings: Settings, as_of: date, outcome: Outcome | None, error: str | None
) -> Outcome:
    """Write how the day's landing ended beside the data, and return it; a failed one keeps the partitions before it.

    Raises:
        SettingsError: No such source, or neither an outcome nor an error.
        LakeError: The lake cannot be written.
    """
    _module(source)
    if error is not None:
        recorded = Outcome(source, day, "failed", as_of, landings.now(), error=error)
    elif outcome is not None:
        recorded = replace(outcome, as_of_date=as_of)
    else:
        raise SettingsError(f"{source} {day} has neither an outcome nor an error to record")
    Lake(settings.lake).record_outcome(recorded)
    return recorded


def _module(source: str) -> ModuleType:
    try:
        return SOURCES[source]
    except KeyError:
        raise SettingsError(f"unknown source {source!r}; known are {', '.join(SOURCES)}") from None
