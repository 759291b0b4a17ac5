"""CloudWatch series and their points: ListMetrics and GetMetricData, in batches and pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ai_finops import aws
from ai_finops.errors import SourceForbidden, SourceUnavailable
from ai_finops.instrument.metrics.dimension_values import text_of

NAMESPACES = ("AI/FinOps", "AWS/Bedrock")
QUERIES_PER_CALL = 500
"""The most that GetMetricData takes."""
DATAPOINTS_PER_CALL = 100_800
"""The most that GetMetricData returns on a page; further points come on further pages."""
FEATURE_DIMENSIONS = ("Feature", "feature")
MODEL_DIMENSIONS = ("Model", "ModelId", "model")


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with its dimensions."""

    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...]
    """Name and value, by name."""

    def dimension(self, names: Iterable[str]) -> str | None:
        """Return the value of the first of `names` that the series has."""
        values = dict(self.dimensions)
        return next((values[name] for name in names if name in values), None)


@dataclass(frozen=True, slots=True)
class Rule:
    """How the metrics with a word in their name are read."""

    word: str
    statistics: tuple[str, ...]
    unit: str


RULES = (
    Rule("Latency", ("Average", "SampleCount"), "Milliseconds"),
    Rule("TimeToFirstToken", ("Average", "SampleCount"), "Milliseconds"),
    Rule("USD", ("Sum",), "USD"),
    Rule("", ("Sum",), "Count"),
)
"""First match wins. GetMetricData returns no units, so they are said here (Bedrock user guide, "Runtime metrics")."""


def rule_of(metric_name: str) -> Rule:
    """Return how a metric is read: sums for what is counted, averages with their weights for durations."""
    return next(rule for rule in RULES if rule.word in metric_name)


def list_series(cloudwatch: Any, *, namespace: str) -> list[Series]:
    """Return the series of a namespace by name and dimensions; none when nobody ever wrote to it.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
    """
    with aws.errors_named(f"the CloudWatch namespace {namespace}", permission="cloudwatch:ListMetrics"):
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace)
        metrics = [metric for page in pages for metric in page["Metrics"]]
    found = {
        Series(namespace, metric["MetricName"], tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"])))
        for metric in metrics
    }
    return sorted(found, key=lambda each: (each.metric_name, each.dimensions))


def read_points(cloudwatch: Any, series: Iterable[Series], *, day: date, period_seconds: int) -> Iterator[dict]:
    """Yield the points of a UTC day as rows of `metric_points` without its two dates.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refuses, does not answer, or answers only in part.
    """
    wanted = [(each, statistic) for each in series for statistic in rule_of(each.metric_name).statistics]
    for start in range(0, len(wanted), QUERIES_PER_CALL):
        batch = wanted[start : start + QUERIES_PER_CALL]
        for number, moment, value in _ask(cloudwatch, batch, day=day, period_seconds=period_seconds):
            yield _row(*batch[number], point_at=moment, value=value, period_seconds=period_seconds)


def _ask(
    cloudwatch: Any, batch: list[tuple[Series, str]], *, day: date, period_seconds: int
) -> Iterator[tuple[int, datetime, float]]:
    begin = datetime.combine(day, time(), tzinfo=UTC)
    queries = [_query(number, each, statistic, period_seconds) for number, (each, statistic) in enumerate(batch)]
    status_of: dict[str, str] = {}
    with aws.errors_named("CloudWatch metric data", permission="cloudwatch:GetMetricData"):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries,
            StartTime=begin,
            EndTime=begin + timedelta(days=1),
            ScanBy="TimestampAscending",
            PaginationConfig={"PageSize": DATAPOINTS_PER_CALL},
        )
        for page in pages:
            _require_no_message(page, day=day)
            for result in page["MetricDataResults"]:
                status_of[result["Id"]] = result["StatusCode"]
                for moment, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True):
                    yield int(result["Id"][1:]), moment, value
    for number, (series, _) in enumerate(batch):
        _require_whole(status_of.get(f"q{number}"), series, day=day)


def _require_no_message(page: dict, *, day: date) -> None:
    """A message about the call as a whole means that CloudWatch left some of it out."""
    for message in page.get("Messages", ()):
        raise SourceUnavailable(
            f"CloudWatch answered only in part for {day}: {message.get('Code')}; the old partition stays; try again later"
        )


def _require_whole(status: str | None, series: Series, *, day: date) -> None:
    """Of a series only the last page's status counts: `PartialData` on a page before means that the next has more."""
    if status == "Complete":
        return
    which = f"{series.namespace} {series.metric_name} on {day}"
    if status == "Forbidden":
        raise SourceForbidden(f"CloudWatch gives no points of {which} (Forbidden); allow cloudwatch:GetMetricData")
    raise SourceUnavailable(
        f"CloudWatch answered {status or 'nothing'} for {which}; the old partition stays; try again later"
    )


def _query(number: int, series: Series, statistic: str, period_seconds: int) -> dict:
    metric = {
        "Namespace": series.namespace,
        "MetricName": series.metric_name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
    }
    # An id must begin with a lower-case letter.
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": period_seconds, "Stat": statistic}}


def _as_named(value: str | None) -> str | None:
    """The feature as spans name it: what CloudWatch does not take is percent-encoded by the sink."""
    return None if value is None else text_of(value)


def _row(series: Series, statistic: str, *, point_at: datetime, value: float, period_seconds: int) -> dict:
    return {
        "namespace": series.namespace,
        "metric_name": series.metric_name,
        "statistic": statistic,
        "dimensions_json": json.dumps(dict(series.dimensions), sort_keys=True),
        "feature": _as_named(series.dimension(FEATURE_DIMENSIONS)),
        "model": series.dimension(MODEL_DIMENSIONS),
        "period_seconds": period_seconds,
        "point_at": point_at.astimezone(UTC),
        "value": value,
        "unit": "Count" if statistic == "SampleCount" else rule_of(series.metric_name).unit,
    }
