"""Prove that a feature's alarms fire: copies of them on a test dimension, synthetic breaches, and a wait for the state.

The real series gets no value and the real alarm no change of state. A copy differs from its alarm in its name, in the dimension
`Trial`, in its period, one minute instead of a day, and in that it tells nobody unless asked to. It needs as many bad values as
the real one, in as many periods: they are put for the last full minutes, which CloudWatch shows within minutes, where a day's
values would take two days. So a trial proves threshold, comparison, statistic, M of N, permissions and, if asked to, the way to
the topic; that the daily value arrives is what `check` is for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ai_finops import aws
from ai_finops.alarms.cloudwatch import delete_alarms, find_alarms, put_alarm, put_metric_data
from ai_finops.alarms.definitions import Definition, is_own, marker, name_prefix
from ai_finops.alarms.sync import cloudwatch_of, require_cloudwatch
from ai_finops.config import Settings
from ai_finops.errors import AlarmError

DIMENSION = {"Name": "Trial", "Value": "synthetic"}
TRIAL_PERIOD_SECONDS = 60
BREACH_AGAIN_SECONDS = 60.0
"""A breach that ended before it was seen would never be."""
TIMEOUT_SECONDS = 600.0
POLL_SECONDS = 5.0
_FIRED = "ALARM"


@dataclass(frozen=True, slots=True)
class Trial:
    """How the copy of one alarm did."""

    alarm_name: str
    """The alarm that was copied."""
    has_fired: bool
    state: str
    seconds: float
    """From the synthetic breach to the state, or to giving up."""


def try_alarms(
    feature_id: str,
    *,
    settings: Settings,
    now: datetime,
    rule: str | None = None,
    is_telling: bool = False,
    clients: aws.Clients | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    poll_seconds: float = POLL_SECONDS,
    on_breach: Callable[[Sequence[str]], None] = lambda names: None,
) -> list[Trial]:
    """Try the alarms of a feature, all at the same time, and delete the copies whatever happens.

    Args:
        now: What CloudWatch's clock says.
        rule: Only the alarm of this rule.
        is_telling: Whether the copies tell the alarms' topics; their text says that it is a trial.
        on_breach: Called with the names of the copies once the breaches are put.
    Returns:
        One for each alarm, by name; whether all have fired is for the caller to judge.
    Raises:
        SettingsError: Alarms are not kept in CloudWatch.
        AlarmError: The feature has no such alarm there.
        SourceForbidden, SourceUnavailable, SourceError: CloudWatch refuses, does not answer, or has no room for more.
    """
    require_cloudwatch(settings, doing="tried")
    cloudwatch = cloudwatch_of(settings, clients)
    alarms = _alarms_of(feature_id, cloudwatch=cloudwatch, settings=settings, rule=rule)
    copies = {trial_copy(alarm, settings=settings, is_telling=is_telling)["AlarmName"]: alarm for alarm in alarms}
    try:
        for alarm in alarms:
            put_alarm(cloudwatch, trial_copy(alarm, settings=settings, is_telling=is_telling))
        data = [datum for alarm in alarms for datum in breaching_data(alarm, now=now, count=alarm["DatapointsToAlarm"])]
        put_metric_data(cloudwatch, data, namespace=settings.alarms_namespace)
        on_breach(sorted(copies))

        def breach_again(seconds: float) -> None:
            moment = now + timedelta(seconds=seconds)
            again = [datum for alarm in alarms for datum in breaching_data(alarm, now=moment, count=1)]
            put_metric_data(cloudwatch, again, namespace=settings.alarms_namespace)

        find = partial(_states, cloudwatch, settings=settings)
        fired = _wait(copies, find=find, breach_again=breach_again, until=timeout_seconds, poll_seconds=poll_seconds)
    finally:
        delete_alarms(cloudwatch, copies)
    return [Trial(alarm["AlarmName"], fired[name][0] == _FIRED, *fired[name]) for name, alarm in sorted(copies.items())]


def trial_prefix(settings: Settings) -> str:
    """Return what the names of copies begin with: nothing that a sync takes for one of its alarms."""
    return f"ai-finops/trial/{settings.alarms_namespace}/"


def trial_copy(alarm: Mapping[str, Any], *, settings: Settings, is_telling: bool) -> Definition:
    """Return the copy of an alarm, as DescribeAlarms says it, on the test dimension."""
    name = alarm["AlarmName"].removeprefix(name_prefix(settings))
    said = alarm["AlarmDescription"].removesuffix(marker(settings))
    kept = ("Namespace", "MetricName", "Statistic", "EvaluationPeriods", "DatapointsToAlarm", "Threshold")
    return {
        **{each: alarm[each] for each in (*kept, "ComparisonOperator", "TreatMissingData")},
        "AlarmName": trial_prefix(settings) + name,
        "AlarmDescription": f"TRIAL with made-up values; nothing has happened.\n{said}",
        "AlarmActions": alarm["AlarmActions"] if is_telling else [],
        "ActionsEnabled": is_telling,
        "Dimensions": [*alarm["Dimensions"], DIMENSION],
        "Period": TRIAL_PERIOD_SECONDS,
    }


def breaching_data(alarm: Mapping[str, Any], *, now: datetime, count: int) -> list[dict[str, Any]]:
    """Return values that are beyond an alarm's threshold, one for each of the last full minutes."""
    threshold = alarm["Threshold"]
    beyond = max(1.0, abs(threshold))
    value = threshold + beyond if alarm["ComparisonOperator"].startswith("Greater") else threshold - beyond
    minute = now.replace(second=0, microsecond=0)
    return [
        {
            "MetricName": alarm["MetricName"],
            "Dimensions": [*alarm["Dimensions"], DIMENSION],
            "Timestamp": minute - timedelta(minutes=back),
            "Value": value,
        }
        for back in range(1, count + 1)
    ]


def _alarms_of(feature_id: str, *, cloudwatch: Any, settings: Settings, rule: str | None) -> list[dict]:
    prefix = f"{name_prefix(settings)}{feature_id}/"
    found = [alarm for alarm in find_alarms(cloudwatch, prefix=prefix) if is_own(alarm, settings=settings)]
    alarms = [alarm for alarm in found if rule in (None, alarm["AlarmName"].removeprefix(prefix))]
    if not alarms:
        rules = ", ".join(alarm["AlarmName"].removeprefix(prefix) for alarm in found) or "none"
        wanted = f"for rule {rule} " if rule else ""
        raise AlarmError(
            f"feature {feature_id} has no alarm {wanted}in {settings.aws_region} (there are: {rules}); "
            "run ai-finops alarms sync, or correct the name"
        )
    return alarms


def _states(cloudwatch: Any, *, settings: Settings) -> dict[str, str]:
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in find_alarms(cloudwatch, prefix=trial_prefix(settings))}


def _wait(
    names: Iterable[str],
    *,
    find: Callable[[], Mapping[str, str]],
    breach_again: Callable[[float], None],
    until: float,
    poll_seconds: float,
) -> dict[str, tuple[str, float]]:
    """Return each copy's last state and after how many seconds it was seen."""
    begun, waiting, seen, again_count = time.monotonic(), set(names), {}, 0
    while True:
        states, seconds = find(), time.monotonic() - begun
        seen |= {name: (states.get(name, "deleted"), seconds) for name in waiting}
        waiting = {name for name in waiting if seen[name][0] != _FIRED}
        if not waiting or seconds >= until:
            return seen
        if seconds >= (again_count + 1) * BREACH_AGAIN_SECONDS:
            breach_again(seconds)
            again_count += 1
        time.sleep(min(poll_seconds, max(until - seconds, 0.0)))
