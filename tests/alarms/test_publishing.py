"""Values go to CloudWatch once, on the days that it takes, in calls of its size."""

import json
import math
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from ai_finops.alarms import publishing, put_ledger
from ai_finops.alarms.metrics import DailyValue, Series
from ai_finops.alarms.publishing import Published, first_taken, publish_values
from ai_finops.alarms.put_ledger import ledger_path
from ai_finops.errors import AlarmError, SourceForbidden, SourceUnavailable
from tests.alarms.conftest import AS_OF, NEWEST_DAY, NOW, points
from tests.extract.json_aws import CutOff, Refused, json_aws
from tests.extract.stand_in import clients_of

CHAT = Series("feature_daily_cost_usd", "support_chat")


def value(number: float, *, day: date = NEWEST_DAY, series: Series = CHAT) -> DailyValue:
    return DailyValue(series, day, number)


@pytest.fixture
def put(cloudwatch, settings):
    def put(*values: DailyValue, now: datetime = NOW, client=cloudwatch, **changes) -> Published:
        return publish_values(client, values, settings=replace(settings, **changes), now=now)

    return put


def costs(cloudwatch, stat: str = "Maximum") -> dict[date, float]:
    return points(cloudwatch, "FeatureDailyCostUSD", stat=stat, Feature="support_chat")


def test_a_value_lies_at_the_end_of_its_day(put, cloudwatch):
    put(value(8))
    answer = cloudwatch.get_metric_statistics(
        Namespace="AIFinOps",
        MetricName="FeatureDailyCostUSD",
        Dimensions=[{"Name": "Feature", "Value": "support_chat"}],
        StartTime=datetime(2025, 6, 15, 23, 59, tzinfo=NOW.tzinfo),
        EndTime=datetime(2025, 6, 16, 0, 0, tzinfo=NOW.tzinfo),
        Period=60,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in answer["Datapoints"]] == [8.0]


def test_the_same_value_is_not_put_twice(put, cloudwatch, writes):
    assert put(value(8)) == Published(1, 0, 0, 0, 0)
    assert put(value(8)) == Published(0, 0, 1, 0, 0)
    assert writes.names == ["PutMetricData"]
    assert costs(cloudwatch, "SampleCount") == {NEWEST_DAY: 1.0}


@pytest.mark.parametrize(("restated", "greatest", "least"), [(9.0, 9.0, 8.0), (7.0, 8.0, 7.0)])
def test_a_restated_value_is_put_beside_the_one_before(put, cloudwatch, restated, greatest, least):
    """CloudWatch replaces nothing: whoever minds high values sees the highest that was said, and the other way round."""
    put(value(8))
    assert put(value(restated)) == Published(1, 1, 0, 0, 0)
    assert put(value(restated)) == Published(0, 0, 1, 0, 0)
    assert costs(cloudwatch) == {NEWEST_DAY: greatest}
    assert costs(cloudwatch, "Minimum") == {NEWEST_DAY: least}


def test_a_lost_ledger_costs_a_repetition_that_no_alarm_sees(put, cloudwatch, settings):
    put(value(8))
    ledger_path(settings, endpoint=cloudwatch.meta.endpoint_url).unlink()
    put(value(8))
    assert (costs(cloudwatch), costs(cloudwatch, "Minimum")) == ({NEWEST_DAY: 8.0}, {NEWEST_DAY: 8.0})


def test_another_namespace_has_a_ledger_of_its_own(put):
    put(value(8))
    assert put(value(8), alarms_namespace="Other").put_count == 1
    assert put(value(8), aws_region="eu-west-1").put_count == 1


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2025, 6, 16, 7, 30), date(2025, 6, 2)),
        (datetime(2025, 6, 16, 22, 59), date(2025, 6, 2)),  # 2 June, 23:59, is 13 days and 23 hours ago
        (datetime(2025, 6, 16, 23, 0), date(2025, 6, 3)),
        (datetime(2025, 6, 16, 0, 0), date(2025, 6, 2)),
    ],
)
def test_two_weeks_are_taken_but_for_an_hour(put, cloudwatch, now, first):
    now = now.replace(tzinfo=NOW.tzinfo)
    days = [AS_OF - timedelta(days=back) for back in range(1, 18)]
    assert first_taken(now) == first
    done = put(*(value(1, day=day) for day in days), now=now)
    assert min(costs(cloudwatch)) == first
    assert (done.put_count, done.too_old_count) == ((NEWEST_DAY - first).days + 1, (first - days[-1]).days)


def test_the_earliest_day_is_not_put_twice_either(put, writes):
    earliest = value(8, day=first_taken(NOW))
    put(earliest)
    assert put(earliest) == Published(0, 0, 1, 0, 0)
    assert writes.names == ["PutMetricData"]


@pytest.mark.parametrize(("minute", "put_count"), [(58, 0), (59, 1), (60, 1)])
def test_two_hours_ahead_of_the_clock_is_as_far_as_it_goes(put, minute, put_count):
    now = datetime(2025, 6, 15, 21, tzinfo=NOW.tzinfo) + timedelta(minutes=minute)
    assert put(value(8), now=now) == Published(put_count, 0, 0, 0, 1 - put_count)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2.0**361, -(2.0**361)])
def test_what_cloudwatch_takes_of_nobody_is_counted_and_stops_nothing(put, cloudwatch, number):
    other = Series("feature_daily_cost_usd", "invoice_extraction")
    assert put(value(number), value(3, series=other)) == Published(1, 0, 0, 0, 1)
    assert costs(cloudwatch) == {}


@pytest.mark.parametrize("number", [2.0**360, -(2.0**360), 0.0, -4.2])
def test_the_largest_the_smallest_and_nothing_are_values(put, cloudwatch, number):
    assert put(value(number)).put_count == 1
    assert costs(cloudwatch) == {NEWEST_DAY: number}


def sent(cloudwatch) -> list[int]:
    """Return how many values each later call holds, as it fills."""
    sizes: list[int] = []
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.PutMetricData", lambda params, **_: sizes.append(len(params["MetricData"]))
    )
    return sizes


@pytest.mark.parametrize(("count", "sizes"), [(1000, [1000]), (1001, [1000, 1])])
def test_a_call_holds_a_thousand_values(put, cloudwatch, count, sizes):
    found = sent(cloudwatch)
    put(*(value(number, series=Series("feature_daily_cost_usd", f"f{number:04d}")) for number in range(count)))
    assert found == sizes


def test_a_call_holds_less_than_a_megabyte(put, cloudwatch):
    found = sent(cloudwatch)
    lengths: list[int] = []
    cloudwatch.meta.events.register(
        "before-send.cloudwatch.PutMetricData", lambda request, **_: lengths.append(len(request.body))
    )
    put(*(value(number, series=Series("m", "f" * 900 + str(number), "s" * 900)) for number in range(1000)))
    assert sum(found) == 1000 and len(found) == 3
    assert max(lengths) < 1_000_000


def test_the_ledger_forgets_days_that_cloudwatch_takes_no_more(put, cloudwatch, settings):
    path = ledger_path(settings, endpoint=cloudwatch.meta.endpoint_url)
    put(value(8, day=date(2025, 6, 3)))
    put(value(9), now=NOW + timedelta(days=3))
    assert json.loads(path.read_text()) == [["feature_daily_cost_usd", "support_chat", "", "2025-06-15", 9]]


@pytest.mark.parametrize(
    "text", ["{", '{"a": 1}', '[["m", "f", "", "yesterday", 1]]', '[["m", "2025-06-15", 1, 2, 3, 4]]']
)
def test_a_broken_ledger_is_named_and_nothing_is_put(put, cloudwatch, settings, writes, text):
    path = ledger_path(settings, endpoint=cloudwatch.meta.endpoint_url)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(AlarmError, match=f"{path} is no ledger of published values .*; remove it"):
        put(value(8))
    assert writes.names == []


def test_a_ledger_that_cannot_be_reached_is_named(put, settings, writes):
    settings.home.mkdir(parents=True)
    (settings.home / "alarms").write_text("a file where the folder should be")
    with pytest.raises(AlarmError, match="is no ledger of published values"):
        put(value(8))
    assert writes.names == []


def test_a_ledger_that_cannot_be_written_is_named(put, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(put_ledger, "replace_file", full)
    with pytest.raises(AlarmError, match=r"cannot be written .*No space left on device.*put once more"):
        put(value(8))


class Taking:
    """A CloudWatch that takes what it is told, for faults that the local AWS does not have."""

    def call(self, operation: str, params: dict) -> dict:
        assert operation == "PutMetricData"
        return {}


@pytest.fixture
def faulty(monkeypatch, settings):
    with json_aws(Taking()) as running:
        running.client = clients_of(running.endpoint, monkeypatch=monkeypatch, settings=settings)["cloudwatch"]
        yield running


def test_throttling_is_tried_again_and_then_given_up(put, faulty):
    throttled = Refused("ThrottlingException", "Rate exceeded")
    faulty.faults = [throttled]
    assert put(value(8), client=faulty.client).put_count == 1
    faulty.faults = [throttled] * 2
    said = "cannot publish to the CloudWatch namespace AIFinOps: AWS answered ThrottlingException to every attempt"
    with pytest.raises(SourceUnavailable, match=said):
        put(value(9), client=faulty.client)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (
            Refused("AccessDenied", status=403),
            SourceForbidden,
            r"access was refused.*allow cloudwatch:PutMetricData on \*",
        ),
        (Refused("InternalFailure", status=500), SourceUnavailable, "InternalFailure to every attempt"),
        (CutOff(), SourceUnavailable, "AWS did not answer"),
    ],
)
def test_refusals_and_faults_are_a_sentence(put, faulty, fault, error, said):
    faulty.faults = [fault] * 2
    with pytest.raises(error, match=said):
        put(value(8), client=faulty.client)


def test_what_was_put_before_a_fault_is_not_put_again(put, faulty, monkeypatch):
    monkeypatch.setattr(publishing, "DATA_PER_CALL", 1)
    faulty.faults = [None, *[Refused("InternalFailure", status=500)] * 2]
    values = [value(8, day=NEWEST_DAY - timedelta(days=back)) for back in range(3)]
    with pytest.raises(SourceUnavailable):
        put(*values, client=faulty.client)
    assert put(*values, client=faulty.client) == Published(2, 0, 1, 0, 0)
