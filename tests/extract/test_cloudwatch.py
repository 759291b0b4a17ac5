"""Landing metrics: against the local AWS over HTTP, and against a stand-in that keeps CloudWatch's limits."""

import json
import urllib.request
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.errors import PartitionExpired, SourceBroken, SourceForbidden, SourceUnavailable
from ai_finops.extract import cloudwatch, known_series, metric_data
from ai_finops.extract.metric_data import Series, list_series, read_points, rule_of
from tests.extract.json_aws import CutOff, Refused, json_aws
from tests.extract.metric_rules import MetricRules
from tests.extract.stand_in import Answer, clients_of

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
    kinds = {each.operation_name: (each.call_count, each.item_count) for each in outcome.api_calls}
    assert kinds == {"ListMetrics": (2, 0), "GetMetricData": (3, 3 * len(rule_of("InputTokens").statistics))}
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


@pytest.fixture
def strict(monkeypatch, settings):
    """CloudWatch with its limits, and clients of it that try each call twice."""
    with json_aws(MetricRules()) as running:
        running.clients = clients_of(running.endpoint, monkeypatch=monkeypatch, settings=settings)
        yield running


def ask(strict, *, period_seconds: int = 3600, day: date = DAY) -> list[dict]:
    series = list_series(strict.clients["cloudwatch"], namespace="AI/FinOps")
    return list(read_points(strict.clients["cloudwatch"], series, day=day, period_seconds=period_seconds))


@pytest.mark.parametrize(("count", "calls"), [(500, 1), (501, 2), (1001, 3)])
def test_a_call_asks_for_500_series_at_most(strict, count, calls):
    for number in range(count):
        strict.rules.put("InputTokens", number, at=at(4, 1), Feature=f"f{number:04d}")
    assert sorted(row["value"] for row in ask(strict)) == list(range(count))
    assert strict.operations() == ["ListMetrics"] * -(-count // 500) + ["GetMetricData"] * calls


@pytest.mark.parametrize(("more", "pages"), [(0, 1), (1, 2)])
def test_a_page_gives_100_800_points_at_most(strict, more, pages):
    minutes = [at(4, 0) + timedelta(minutes=minute) for minute in range(1440)]
    for number in range(70):
        for minute in minutes:
            strict.rules.put("InputTokens", 1, at=minute, Feature=f"f{number}")
    for number in range(more):
        strict.rules.put("Invocations", 7, at=at(4, 0), Feature=f"g{number}")
    found = ask(strict, period_seconds=60)
    assert len(found) == 70 * 1440 + more == 100_800 + more
    assert sum(row["value"] for row in found) == 100_800 + 7 * more
    assert strict.operations().count("GetMetricData") == pages
    assert {params["MaxDatapoints"] for operation, params in strict.asked if operation == "GetMetricData"} == {100_800}


def test_partial_data_on_a_page_is_completed_by_the_next(strict, monkeypatch):
    monkeypatch.setattr(metric_data, "DATAPOINTS_PER_CALL", 5)
    for name in ("InputTokens", "OutputTokens"):
        for hour in range(6):
            strict.rules.put(name, hour, at=at(4, hour), Feature="f")
    found = ask(strict)
    assert [(row["metric_name"], row["value"]) for row in found] == [
        *(("InputTokens", float(hour)) for hour in range(6)),
        *(("OutputTokens", float(hour)) for hour in range(6)),
    ]
    assert strict.operations().count("GetMetricData") == 3


def test_partial_data_on_the_last_page_is_no_answer(strict, land, lake):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="f")
    strict.rules.put("OutputTokens", 1, at=at(4, 1), Feature="f")
    strict.rules.never_whole = {"OutputTokens"}
    with pytest.raises(SourceUnavailable, match="PartialData for AI/FinOps OutputTokens on 2025-06-02"):
        land(clients=strict.clients)
    assert lake.current("cloudwatch") == {}


def test_a_series_that_no_page_speaks_of_is_no_answer(strict):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="f")
    strict.rules.left_out = {"InputTokens"}
    with pytest.raises(SourceUnavailable, match="nothing for AI/FinOps InputTokens on 2025-06-04"):
        ask(strict)


def test_a_message_about_the_call_is_no_answer(strict):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="f")
    strict.rules.messages = [{"Code": "MaxMetricsExceeded", "Value": "Maximum number of allowed metrics exceeded"}]
    with pytest.raises(SourceUnavailable, match="only in part for 2025-06-04: MaxMetricsExceeded"):
        ask(strict)


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        ("InternalError", SourceUnavailable, "InternalError for AI/FinOps InputTokens"),
        ("Forbidden", SourceForbidden, "InputTokens on 2025-06-04 .*allow cloudwatch:GetMetricData"),
    ],
)
def test_a_series_that_is_refused_or_fails_is_named(strict, status, error, said):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="f")
    strict.rules.status = {"InputTokens": status}
    with pytest.raises(error, match=said):
        ask(strict)


def test_both_spellings_of_a_cache_metric_are_kept(strict, land, lake):
    for name, value in {"CacheReadInputTokens": 5, "CacheReadInputTokenCount": 6}.items():
        strict.rules.put(name, value, at=at(4, 1), namespace="AWS/Bedrock", ModelId="m")
    land(clients=strict.clients)
    assert [(row["metric_name"], row["value"], row["unit"]) for row in points(lake)] == [
        ("CacheReadInputTokenCount", 6.0, "Count"),
        ("CacheReadInputTokens", 5.0, "Count"),
    ]


def test_times_are_aligned_to_the_period_and_the_day(strict):
    strict.rules.put("InputTokens", 1, at=at(4, 1, 59), Feature="f")
    (row,) = ask(strict)
    assert row["point_at"] == at(4, 1)
    (params,) = [params for operation, params in strict.asked if operation == "GetMetricData"]
    assert (params["StartTime"], params["EndTime"]) == (at(4, 0).timestamp(), at(5, 0).timestamp())


def test_a_series_that_is_listed_no_more_is_asked_for_because_the_lake_knows_it(strict, land, lake):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="silent")
    land(clients=strict.clients)
    strict.rules.put("InputTokens", 2, at=at(2, 1), Feature="silent")
    strict.rules.put("OutputTokens", 3, at=at(2, 1), Feature="alive")
    strict.rules.forgotten = {"InputTokens"}
    land(date(2025, 6, 2), clients=strict.clients)
    found = [(row["metric_name"], row["feature"], row["value"]) for row in points(lake, "2025-06-02")]
    assert found == [("InputTokens", "silent", 2.0), ("OutputTokens", "alive", 3.0)]


@pytest.mark.parametrize(("reach", "known"), [(1, ["b", "c"]), (2, ["a", "b", "c", "d"])])
def test_the_lake_is_asked_for_its_partitions_near_the_day(strict, land, lake, monkeypatch, reach, known):
    for day, feature in {1: "a", 11: "b", 21: "c", 29: "d"}.items():
        strict.rules.points.clear()
        monkeypatch.setattr(cloudwatch, "DAYS_READ", 1)
        strict.rules.put("InputTokens", 1, at=at(day, 1), Feature=feature)
        monkeypatch.setattr(known_series, "PARTITIONS_EACH_WAY", 0)
        land(date(2025, 6, day), clients=strict.clients, as_of=date(2025, 7, 1))
    monkeypatch.setattr(known_series, "PARTITIONS_EACH_WAY", reach)
    found = known_series.series_around(lake, "cloudwatch", day=date(2025, 6, 15))
    assert sorted(each.dimension(("Feature",)) for each in found) == known


def test_a_fault_on_the_last_day_leaves_the_days_before_as_they_were(strict, land, lake):
    strict.rules.put("InputTokens", 1, at=at(2, 1), Feature="f")
    land(clients=strict.clients)
    before = lake.current("cloudwatch")
    strict.rules.put("InputTokens", 5, at=at(2, 2), Feature="f")
    strict.faults = [None] * 4 + [Refused("InternalFailure", status=500)] * 2
    with pytest.raises(SourceUnavailable, match="CloudWatch metric data: AWS answered InternalFailure"):
        land(clients=strict.clients)
    assert lake.current("cloudwatch") == before


def test_throttling_is_tried_again_and_then_given_up(strict, land):
    strict.rules.put("InputTokens", 1, at=at(4, 1), Feature="f")
    throttled = Refused("ThrottlingException", "Rate exceeded")
    strict.faults = [throttled]
    assert land(clients=strict.clients).loaded_count == 1
    strict.faults = [throttled] * 2
    with pytest.raises(SourceUnavailable, match="ThrottlingException to every attempt"):
        land(clients=strict.clients)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (
            Refused("ExpiredTokenException", status=403),
            SourceForbidden,
            "ExpiredTokenException.*cloudwatch:ListMetrics",
        ),
        (CutOff(), SourceUnavailable, "AWS did not answer"),
    ],
)
def test_an_expired_token_and_a_connection_that_breaks_off(strict, land, fault, error, said):
    strict.faults = [fault] * 2
    with pytest.raises(error, match=said):
        land(clients=strict.clients)


def test_a_feature_is_named_as_on_spans(put, clients):
    # What the sink makes of "rätsel 100%", which CloudWatch does not take.
    put("InputTokens", 3, at=at(4, 1), Feature="r%C3%A4tsel 100%25")
    (series,) = list_series(clients["cloudwatch"], namespace="AI/FinOps")
    (row,) = read_points(clients["cloudwatch"], [series], day=DAY, period_seconds=3600)
    assert row["feature"] == "rätsel 100%"
    assert json.loads(row["dimensions_json"]) == {"Feature": "r%C3%A4tsel 100%25"}
