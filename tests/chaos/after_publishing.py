"""SIGKILL after publishing: at each point of putting alarms in step, of finance's files and of the Monday message; then again.

What is outside of the deployment is looked at too: CloudWatch, finance's bucket, and Slack, where one message is one message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.account import FINANCE_BUCKET, WEEK
from tests.chaos.kills import happened, killed_before, points_of
from tests.chaos.lab import AS_OF, Case, Lab, spread, unnamed
from tests.chaos.snapshots import files_of

GROUP = "SIGKILL"
MONTH = "2025-05"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that is done with published marts."""

    name: str
    arguments: tuple[str, ...]
    forget: Callable[[Lab], None]
    """Take back what it did outside."""
    state: Callable[[Lab], object]
    """What is there after it, outside and in files that people open."""


def after_publishing(lab: Lab, *, most: int = 12) -> Iterator[Case]:
    """Each deed, killed before each of its points, and done again."""
    for deed in DEEDS:
        yield from each_point(lab, deed, most=most)


def each_point(lab: Lab, deed: Deed, *, most: int, **environment: str) -> Iterator[Case]:
    """Kill a deed before each of its points, and do it again."""
    lab.back_to("publish")
    deed.forget(lab)
    count = points_of(lab, *deed.arguments, **environment)
    wanted = deed.state(lab)
    for point in spread(count, most):
        lab.back_to("publish")
        deed.forget(lab)
        killed = killed_before(lab, point, *deed.arguments, **environment)
        again = lab.run(*deed.arguments, **environment)
        faults = unnamed(again)
        faults += [f"done again, it ended with {again.code}: {again.sentence}"] if again.code else []
        state = deed.state(lab)
        if state != wanted or not state:
            faults.append(f"{deed.name} left {_short(state)}, undisturbed {_short(wanted)}")
        if point in (1, count):  # nothing of this writes what is published; the first and the last are enough
            faults += lab.mart_faults()
        yield Case(f"{GROUP}, {deed.name}", f"point {point}", happened(killed), tuple(faults), lab.lost())


def _short(state: object) -> str:
    return str(state)[:300]


def _no_alarms(lab: Lab) -> None:
    names = [alarm["AlarmName"] for alarm in _alarms(lab)]
    if names:
        lab.clients["cloudwatch"].delete_alarms(AlarmNames=names)


def _alarms(lab: Lab) -> list[dict]:
    pages = lab.clients["cloudwatch"].get_paginator("describe_alarms").paginate()
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def _alarm_state(lab: Lab) -> list:
    """Each alarm as it is kept, and which series have values; values may be put twice, which `Maximum` does not see."""
    told = ("AlarmName", "MetricName", "Threshold", "ComparisonOperator", "EvaluationPeriods", "ActionsEnabled")
    alarms = sorted(str([alarm.get(name) for name in told]) for alarm in _alarms(lab))
    pages = lab.clients["cloudwatch"].get_paginator("list_metrics").paginate(Namespace=lab.settings.alarms_namespace)
    series = sorted(str((each["MetricName"], each["Dimensions"])) for page in pages for each in page["Metrics"])
    return alarms and [*alarms, *series]


def _no_finance(lab: Lab) -> None:
    for key in _keys(lab):
        lab.clients["s3"].delete_object(Bucket=FINANCE_BUCKET, Key=key)


def _keys(lab: Lab) -> list[str]:
    return [each["Key"] for each in lab.clients["s3"].list_objects_v2(Bucket=FINANCE_BUCKET).get("Contents", [])]


def _finance_state(lab: Lab) -> list:
    """The files here and in the bucket, and what `--verify` says of them."""
    here = [
        str(path.relative_to(lab.home)) for path in files_of(lab.home) if "finance" in path.relative_to(lab.home).parts
    ]
    there = [
        (key, hashlib.sha256(lab.clients["s3"].get_object(Bucket=FINANCE_BUCKET, Key=key)["Body"].read()).hexdigest())
        for key in _keys(lab)
        if key.endswith(".csv")
    ]
    verified = lab.run("finance", "--month", MONTH, "--verify")
    return here and [*here, *there, verified.code]


def _no_messages(lab: Lab) -> None:
    lab.slack.messages.clear()


def _message_state(lab: Lab) -> list:
    """The messages in the channel: one."""
    return [(each.get("text"), str(each.get("metadata"))) for each in lab.slack.messages]


DEEDS = (
    Deed("alarms", ("alarms", "sync", "--as-of", AS_OF), _no_alarms, _alarm_state),
    Deed("finance", ("finance", "--month", MONTH), _no_finance, _finance_state),
    Deed("message", ("report", "--week", str(WEEK)), _no_messages, _message_state),
)
