"""The calls to CloudWatch that alarms need, each with its permission and its errors in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Any

from ai_finops import aws

CLIENTS = ("cloudwatch",)
PERMISSIONS = (
    ("cloudwatch:PutMetricData", "*"),
    ("cloudwatch:GetMetricData", "*"),
    ("cloudwatch:DescribeAlarms", "*"),
    ("cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:{aws_region}:*:alarm:ai-finops/*"),
    ("cloudwatch:DeleteAlarms", "arn:aws:cloudwatch:{aws_region}:*:alarm:ai-finops/*"),
)
"""CloudWatch knows no resources for the first three (Service Authorization Reference)."""
NAMES_PER_CALL = 100
"""The most that DeleteAlarms takes, and DescribeAlarms by name."""
QUERIES_PER_CALL = 500
"""The most that GetMetricData takes."""
_PERMISSION_OF = {action.partition(":")[2]: f"{action} on {resource}" for action, resource in PERMISSIONS}


def find_alarms(cloudwatch: Any, *, prefix: str) -> list[dict]:
    """Return the metric alarms whose names begin with `prefix`, by name.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
    """
    with _errors(cloudwatch, "read", f"CloudWatch alarms {prefix}*", "DescribeAlarms"):
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"], PaginationConfig={"PageSize": NAMES_PER_CALL}
        )
        found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    return sorted(found, key=lambda alarm: alarm["AlarmName"])


def put_alarm(cloudwatch: Any, definition: Mapping[str, Any]) -> None:
    """Make an alarm, or replace all of it.

    Raises:
        SourceForbidden, SourceUnavailable, SourceError: CloudWatch refuses, does not answer, or has no room for more.
    """
    with _errors(cloudwatch, "write", f"CloudWatch alarm {definition['AlarmName']}", "PutMetricAlarm"):
        cloudwatch.put_metric_alarm(**definition)


def delete_alarms(cloudwatch: Any, names: Iterable[str]) -> None:
    """Delete alarms; one that is not there any more is no error.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
    """
    for batch in _batches(names, NAMES_PER_CALL):
        with _errors(cloudwatch, "delete", f"CloudWatch alarm {batch[0]} and {len(batch) - 1} more", "DeleteAlarms"):
            cloudwatch.delete_alarms(AlarmNames=batch)


def put_metric_data(cloudwatch: Any, data: Sequence[Mapping[str, Any]], *, namespace: str) -> None:
    """Publish values; how many one call takes is the caller's concern.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
    """
    with _errors(cloudwatch, "publish to", f"the CloudWatch namespace {namespace}", "PutMetricData"):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=list(data))


def last_points(
    cloudwatch: Any, alarms: Iterable[Mapping[str, Any]], *, start: datetime, end: datetime
) -> dict[str, datetime | None]:
    """Return the beginning of the last period of each alarm's metric that has a value, by alarm name.

    Args:
        start: Where periods begin; inclusive.
        end: Exclusive.
    Returns:
        None for a metric without a value from `start` to `end`.
    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
    """
    found: dict[str, datetime | None] = {}
    for batch in _batches(alarms, QUERIES_PER_CALL):
        found |= {alarm["AlarmName"]: None for alarm in batch}
        with _errors(cloudwatch, "read", "CloudWatch metric data", "GetMetricData"):
            pages = cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_query(number, alarm) for number, alarm in enumerate(batch)],
                StartTime=start,
                EndTime=end,
                ScanBy="TimestampDescending",
            )
            for result in (result for page in pages for result in page["MetricDataResults"]):
                name = batch[int(result["Id"][1:])]["AlarmName"]
                moments = [moment for moment in (found[name], *result["Timestamps"]) if moment]
                found[name] = max(moments, default=None)
    return found


def _query(number: int, alarm: Mapping[str, Any]) -> dict:
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}
    # An id must begin with a lower-case letter.
    stat = {"Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"]}
    return {"Id": f"q{number}", "MetricStat": stat}


def _errors(cloudwatch: Any, verb: str, what: str, operation: str) -> AbstractContextManager[None]:
    permission = _PERMISSION_OF[operation].format(aws_region=cloudwatch.meta.region_name)
    return aws.errors_named(what, permission=permission, verb=verb)


def _batches(items: Iterable[Any], size: int) -> Iterator[list]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
