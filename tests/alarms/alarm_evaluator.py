"""A stand-in for the half of CloudWatch that the local AWS lacks: it evaluates stored alarms and sets their states.

moto's server stores alarms and never looks at them. This reads each stored definition with DescribeAlarms, its values with
GetMetricData and writes the state with SetAlarmState, all over HTTP, by the rules of the CloudWatch User Guide ("Alarm
evaluation", "Configuring how CloudWatch alarms treat missing data"). It was held against the guide's examples, not against AWS.

- Windows slide: of a day and less they end with the present minute, of several days with the present hour.
- More periods are looked at than the alarm names. How many more the guide does not say; its examples have two.
- With as many values as periods, the latest count, and gaps do not matter; with fewer, the gaps that remain are filled with
  what the alarm says of missing data.
- Gaps that are `missing` or `ignore` fill nothing. If all values that there are breach, and the oldest is at least M periods
  old, it fires with `missing` and keeps its state with `ignore`. One that is younger keeps it too: there the guide is silent.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
DAY_SECONDS = 86_400
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def decide(values: Sequence[float | None], *, alarm: Mapping[str, Any]) -> str:
    """Return the state that an alarm goes to.

    Args:
        values: Of each period looked at, the oldest first; None where there is none.
        alarm: As DescribeAlarms says it, its present state included.
    """
    is_beyond = COMPARISONS[alarm["ComparisonOperator"]]
    looked_at = alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm") or looked_at
    treatment = alarm.get("TreatMissingData") or "missing"
    breaches = [is_beyond(value, alarm["Threshold"]) for value in values if value is not None][-looked_at:]
    gaps = looked_at - len(breaches)
    if not breaches and treatment in ("missing", "ignore"):
        return INSUFFICIENT_DATA if treatment == "missing" else alarm["StateValue"]
    if sum(breaches) + (gaps if treatment == "breaching" else 0) >= needed:
        return ALARM
    if treatment in ("breaching", "notBreaching") or not all(breaches) or not gaps:
        return OK
    age = len(values) - next(place for place, value in enumerate(values) if value is not None)
    return ALARM if age >= needed and treatment == "missing" else alarm["StateValue"]


def evaluate(cloudwatch: Any, *, now: datetime) -> dict[str, str]:
    """Evaluate all alarms once; return the states that changed, by name."""
    changed = {}
    for alarm in cloudwatch.get_paginator("describe_alarms").paginate().search("MetricAlarms"):
        values = read_values(cloudwatch, alarm, now=now)
        state = decide(values, alarm=alarm)
        if state != alarm["StateValue"]:
            cloudwatch.set_alarm_state(
                AlarmName=alarm["AlarmName"], StateValue=state, StateReason=f"of values {values}"
            )
            changed[alarm["AlarmName"]] = state
    return changed


def read_values(cloudwatch: Any, alarm: Mapping[str, Any], *, now: datetime) -> list[float | None]:
    """Return the value of each period that is looked at, the oldest first."""
    period, count = alarm["Period"], alarm["EvaluationPeriods"] + EXTRA_PERIODS
    is_of_several_days = period * alarm["EvaluationPeriods"] > DAY_SECONDS
    step = timedelta(hours=1) if is_of_several_days else timedelta(minutes=1)
    end = datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), tz=UTC)
    start = end - timedelta(seconds=period * count)
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": alarm["Statistic"]}}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    (result,) = answer["MetricDataResults"]
    found = {
        int((at - start).total_seconds() // period): value
        for at, value in zip(result["Timestamps"], result["Values"], strict=True)
    }
    return [found.get(place) for place in range(count)]


@contextmanager
def evaluating(cloudwatch: Any, *, now: datetime, seconds: float = 0.05) -> Iterator[None]:
    """Evaluate all alarms again and again in a thread, always at `now`."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(seconds):
            evaluate(cloudwatch, now=now)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
