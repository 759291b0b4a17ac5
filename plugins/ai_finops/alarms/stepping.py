"""Bring the alarms that are there in step with those that should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ai_finops.alarms.cloudwatch import delete_alarms, find_alarms, put_alarm
from ai_finops.alarms.definitions import Definition, differing, is_own, name_prefix
from ai_finops.config import Settings


@dataclass(frozen=True, slots=True)
class Steps:
    """What has to be done, by alarm name."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]
    unchanged: tuple[str, ...]
    conflicts: tuple[str, ...]
    """Alarms with names of ours that somebody else made: left as they are, also where one of ours should have the name."""


def find_steps(present: Iterable[Mapping[str, Any]], *, wanted: Mapping[str, Definition], settings: Settings) -> Steps:
    """Compare what is there with what should be.

    Args:
        present: Alarms as DescribeAlarms says them, with any name.
        wanted: Alarms by name.
    """
    named = {alarm["AlarmName"]: alarm for alarm in present}
    own = {name: alarm for name, alarm in named.items() if is_own(alarm, settings=settings)}
    others = [name for name in named if name.startswith(name_prefix(settings)) and name not in own]
    kept = own.keys() & wanted.keys()
    changed = {name for name in kept if differing(own[name], wanted[name])}
    return Steps(
        created=tuple(sorted(wanted.keys() - named.keys())),
        updated=tuple(sorted(changed)),
        deleted=tuple(sorted(own.keys() - wanted.keys())),
        unchanged=tuple(sorted(kept - changed)),
        conflicts=tuple(sorted(others)),
    )


def step_alarms(cloudwatch: Any, wanted: Mapping[str, Definition], *, settings: Settings) -> Steps:
    """Make what is missing, replace what differs, delete what is not wanted any more, and touch nothing else.

    An alarm that was muted by hand stays muted: replacing it says again what was said of its actions.

    Returns:
        What was done.
    Raises:
        SourceForbidden, SourceUnavailable, SourceError: CloudWatch refuses, does not answer, or has no room for more. What
            was done until then stays; the next time does the rest.
    """
    present = find_alarms(cloudwatch, prefix=name_prefix(settings))
    steps = find_steps(present, wanted=wanted, settings=settings)
    is_enabled = {alarm["AlarmName"]: alarm.get("ActionsEnabled", True) for alarm in present}
    for name in (*steps.created, *steps.updated):
        put_alarm(cloudwatch, {**wanted[name], "ActionsEnabled": is_enabled.get(name, True)})
    delete_alarms(cloudwatch, steps.deleted)
    return steps
