"""Calls through boto3 into the local AWS, and read back by the pipeline's own reader and by GetMetricStatistics."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from ai_finops.demo.local_aws import local_aws
from ai_finops.extract.metric_data import list_series, read_points
from ai_finops.instrument.metrics import configure_metrics, flush_metrics, metric_sink
from ai_finops.instrument.metrics.names import METRICS
from tests.instrument.metrics.made import call

STATISTICS = ("SampleCount", "Sum", "Minimum", "Maximum")


@pytest.fixture
def cloudwatch(monkeypatch):
    with local_aws() as aws:
        for name, value in aws.env().items():
            monkeypatch.setenv(name, value)
        yield boto3.session.Session().client("cloudwatch")


def test_what_is_counted_is_what_cloudwatch_and_the_pipeline_say(cloudwatch):
    # A quarter past the hour before this one: one hour, some minutes of it, and nothing that is still to come.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    at_s = (hour + timedelta(minutes=15)).timestamp()
    assert configure_metrics("cloudwatch", interval_s=3_600) is metric_sink()
    calls = (
        call("Übersicht", "nova", input_tokens=100, output_tokens=20, cost_usd=0.25, latency_ms=1_500, at_s=at_s),
        call("Übersicht", "nova", input_tokens=300, output_tokens=0, cost_usd=0.5, latency_ms=500, at_s=at_s + 1),
        call("Übersicht", "nova", input_tokens=None, output_tokens=None, cost_usd=None, latency_ms=100, at_s=at_s + 60),
    )
    for each in calls:
        metric_sink().add(each)
    assert flush_metrics(20)
    expected = {
        "InputTokens": [(2, 400, 100, 300)],
        "OutputTokens": [(2, 20, 0, 20)],
        "LatencyMs": [(2, 2_000, 500, 1_500), (1, 100, 100, 100)],
        "EstimatedCostUSD": [(2, 0.75, 0.25, 0.5)],
    }
    dimensions = [{"Name": "Feature", "Value": "%C3%9Cbersicht"}, {"Name": "Model", "Value": "nova"}]
    for metric in METRICS:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AI/FinOps",
            MetricName=metric.name,
            Dimensions=dimensions,
            StartTime=hour,
            EndTime=hour + timedelta(hours=1),
            Period=60,
            Statistics=STATISTICS,
            Unit=metric.unit,
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        assert [tuple(point[name] for name in STATISTICS) for point in points] == expected[metric.name]
    series = list_series(cloudwatch, namespace="AI/FinOps")
    rows = list(read_points(cloudwatch, series, day=hour.date(), period_seconds=3_600))
    assert {(row["feature"], row["model"]) for row in rows} == {("Übersicht", "nova")}
    assert {(row["metric_name"], row["statistic"]): (row["value"], row["unit"]) for row in rows} == {
        ("InputTokens", "Sum"): (400.0, "Count"),
        ("OutputTokens", "Sum"): (20.0, "Count"),
        ("LatencyMs", "Average"): (700.0, "Milliseconds"),
        ("LatencyMs", "SampleCount"): (3.0, "Count"),
        ("EstimatedCostUSD", "Sum"): (0.75, "USD"),
    }
