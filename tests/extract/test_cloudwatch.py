"""Landing metrics, against the local AWS over HTTP; answers in part and refusals from a stand-in."""

import urllib.request
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.errors import PartitionExpired, SourceBroken, SourceForbidden, SourceUnavailable
from ai_finops.extract import cloudwatch, metric_data
from ai_finops.extract.metric_data import Series, list_series, read_points, rule_of
from tests.extract.stand_in import Answer

DAY, AS_OF = date(2025, 6, 4), date(2025, 6, 5)


@pytest.fixture
def clients(clients, aws_server):
    """The local AWS's metrics belong to the account, so those of the test before are forgotten."""
    forget(aws_server)
    return clients


def forget(aws_server) -> None:
    request = urllib.request.Request(f"{aws_server.endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()


@pytest.fixture
def put(clients):
    def put(name: str, *values: float, at: datetime, namespace: str = "AI/FinOps", **dimensions: str) -> None:
        for value in values:
            datum = {
                "MetricName": name,
                "Value": value,
                "Timestamp": at,
                "Dimensions": [{"Name": key, "Value": each} for key, each in dimensions.items()],
            }
            clients["cloudwatch"].put_metric_data(Namespace=namespace, MetricData=[datum])

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": AS_OF}
        return cloudwatch.land(day, **arguments | changes)

    return land


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 6, day, hour, minute, tzinfo=UTC)


def points(lake, key: str = "2025-06-04") -> list[dict]:
    return pq.read_table(lake.current_version("cloudwatch", key).file("metric_points"), partitioning=None).to_pylist()


def test_points_of_three_days_each_in_its_partition(put, land, lake):
    put("InputTokens", 10, 5, at=at(4, 9, 30), Feature="search", Model="nova")
    put("InputTokens", 7, at=at(2, 23), Feature="search", Model="nova")
    put("InputTokens", 99, at=at(1, 23), Feature="search", Model="nova")
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count) == ("loaded", 2, 2)
    assert outcome.partitions == ("2025-06-02", "2025-06-03", "2025-06-04") == tuple(lake.current("cloudwatch"))
    assert outcome.api_call_count == 2 + 3
    assert points(lake) == [
        {
            "namespace": "AI/FinOps",
            "metric_name": "InputTokens",
            "statistic": "Sum",
            "dimensions_json": '{"Feature": "search", "Model": "nova"}',
            "feature": "search",
            "model": "nova",
            "period_seconds": 3600,
            "point_at": at(4, 9),
            "value": 15.0,
            "unit": "Count",
            "landing_date": DAY,
            "metric_date": DAY,
        }
    ]
    assert [(row["value"], row["metric_date"]) for row in points(lake, "2025-06-02")] == [(7.0, date(2025, 6, 2))]
    assert points(lake, "2025-06-03") == []


def test_a_duration_is_an_average_with_its_weight(put, land, lake):
    put("InvocationLatency", 100, 300, at=at(4, 1), namespace="AWS/Bedrock", ModelId="nova")
    land()
    found = [(row["statistic"], row["value"], row["unit"], row["model"], row["feature"]) for row in points(lake)]
    assert found == [("Average", 200.0, "Milliseconds", "nova", None), ("SampleCount", 2.0, "Count", "nova", None)]


@pytest.mark.parametrize(
    ("name", "statistics", "unit"),
    [
        ("InputTokenCount", ("Sum",), "Count"),
        ("Invocations", ("Sum",), "Count"),
        ("EstimatedCostUSD", ("Sum",), "USD"),
        ("LatencyMs", ("Average", "SampleCount"), "Milliseconds"),
        ("TimeToFirstToken", ("Average", "SampleCount"), "Milliseconds"),
    ],
)
def test_how_metrics_are_read(name, statistics, unit):
    rule = rule_of(name)
    assert (rule.statistics, rule.unit) == (statistics, unit)


@pytest.mark.parametrize(("age_days", "seconds"), [(0, 60), (15, 60), (16, 300), (63, 300), (64, 3600), (455, 3600)])
def test_the_shortest_period_that_is_kept(age_days, seconds):
    day = AS_OF - timedelta(days=age_days)
    assert cloudwatch.period_seconds(day, as_of=AS_OF, wanted=60) == seconds
    assert cloudwatch.period_seconds(day, as_of=AS_OF) == 3600


def test_past_the_retention_is_refused_and_what_is_there_stays(put, land, lake):
    put("InputTokens", 1, at=at(4, 1), Feature="f")
    land()
    version = lake.current_version("cloudwatch", "2025-06-04")
    with pytest.raises(PartitionExpired, match="2025-06-04"):
        land(as_of=DAY + timedelta(days=456))
    assert lake.current_version("cloudwatch", "2025-06-04") == version


def test_days_before_that_are_expired_are_left_out():
    as_of = DAY + timedelta(days=455)
    assert cloudwatch.days_read(DAY, as_of=as_of) == [DAY]
    assert cloudwatch.days_read(DAY, as_of=as_of - timedelta(days=1)) == [DAY - timedelta(days=1), DAY]


def test_a_late_point_changes_its_own_day_and_no_other(put, land, lake):
    put("InputTokens", 1, at=at(3, 1), Feature="f")
    land(date(2025, 6, 3))
    put("InputTokens", 2, at=at(2, 1), Feature="f")
    put("InputTokens", 3, at=at(4, 1), Feature="f")
    land()
    versions = {key: version.number for key, version in lake.current("cloudwatch").items()}
    assert versions == {"2025-06-01": 1, "2025-06-02": 2, "2025-06-03": 1, "2025-06-04": 1}
    assert [row["landing_date"] for row in points(lake, "2025-06-03")] == [date(2025, 6, 3)]


def test_nothing_written_yet_is_empty(land, lake):
    assert land().status == "empty"
    assert points(lake) == []


def test_from_points_to_none_only_when_allowed(put, land, lake, clients, aws_server):
    put("InputTokens", 1, at=at(4, 1), Feature="f")
    land()
    forget(aws_server)
    with pytest.raises(SourceBroken, match="cloudwatch 2025-06-04 had 1 rows"):
        land()
    assert len(points(lake)) == 1
    land(allow_empty=True)
    assert points(lake) == []


def test_many_series_go_in_batches(put, clients, monkeypatch):
    for number in range(5):
        put("InputTokens", number + 1, at=at(4, number), Feature=f"f{number}")
    series = list_series(clients["cloudwatch"], namespace="AI/FinOps")
    assert [each.dimension(("Feature",)) for each in series] == [f"f{number}" for number in range(5)]
    asked = []
    clients["cloudwatch"].meta.events.register("before-call.cloudwatch.GetMetricData", lambda **_: asked.append(1))
    monkeypatch.setattr(metric_data, "QUERIES_PER_CALL", 2)
    found = list(read_points(clients["cloudwatch"], series, day=DAY, period_seconds=3600))
    assert [(row["feature"], row["value"], row["point_at"]) for row in found] == [
        (f"f{number}", number + 1.0, at(4, number)) for number in range(5)
    ]
    assert len(asked) == 3


def test_a_point_at_midnight_belongs_to_the_day_that_begins(put, clients):
    put("InputTokens", 1, at=at(4, 0), Feature="f")
    put("InputTokens", 2, at=at(5, 0), Feature="f")
    series = [Series("AI/FinOps", "InputTokens", (("Feature", "f"),))]
    found = list(read_points(clients["cloudwatch"], series, day=DAY, period_seconds=3600))
    assert [row["value"] for row in found if row["point_at"] < at(5, 0)] == [1.0]
    assert all(row["point_at"] < at(5, 0) for row in found)


def test_refused_credentials_name_the_permission(land, stand_in_aws):
    stand_in_aws.answer = lambda path, number: Answer(403, b'{"__type":"AccessDenied"}')
    with pytest.raises(SourceForbidden, match=r"AI/FinOps.*cloudwatch:ListMetrics"):
        land(clients=stand_in_aws.clients)


class InPart:
    """A client whose answer is not whole: CloudWatch says so in a status that no error of botocore tells of."""

    def get_paginator(self, _):
        return self

    def paginate(self, **_):
        return [{"MetricDataResults": [{"Id": "q0", "Label": "InputTokens", "StatusCode": "InternalError"}]}]


def test_an_answer_in_part_is_no_answer():
    series = [Series("AI/FinOps", "InputTokens", ())]
    with pytest.raises(SourceUnavailable, match="InternalError for InputTokens on 2025-06-04"):
        list(read_points(InPart(), series, day=DAY, period_seconds=3600))
