"""What waits and how it is sent, on clocks moved by hand: pauses, bounds, and nothing sent twice that was taken."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics.delivery import Delivery
from ai_finops.instrument.metrics.statistic_sets import MinuteSets
from ai_finops.instrument.metrics.values import values_of
from tests.instrument.metrics.made import MINUTE, Clock, call


class Network:
    """In place of a client: raises what it is told to, else keeps what it is given."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.bad_features: set[str] = set()
        self.requests: list[list[dict]] = []
        self.taken: list[dict] = []

    def put_metric_data(self, *, Namespace, MetricData):
        assert Namespace == "AI/FinOps"
        self.requests.append(MetricData)
        if self.error is not None:
            raise self.error
        if any(each["Dimensions"][0]["Value"] in self.bad_features for each in MetricData):
            raise refusal("InvalidParameterValue")
        self.taken += MetricData


def refusal(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutMetricData")


UNREACHABLE = EndpointConnectionError(endpoint_url="https://monitoring")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def delivery(clock, network):
    return made(clock, network)


def made(clock, network, **options) -> Delivery:
    # With a jitter of 1 a pause is as long as it can be: 5, 10, 20, …, 600 seconds.
    fixed = {"now": clock.wall, "monotonic": clock.monotonic, "jitter": lambda: 1.0}
    return Delivery(lambda: network, **fixed | options)


def minute(feature: str = "search", *, at: int = MINUTE, calls: int = 1) -> MinuteSets:
    """A minute of calls with one value each: their latency."""
    sets = MinuteSets((feature, "m"), at)
    for _ in range(calls):
        sets.add(values_of(call(input_tokens=None, output_tokens=None, cost_usd=None)))
    return sets


def features(data: list[dict]) -> list[str]:
    return [each["Dimensions"][0]["Value"] for each in data]


def test_what_was_taken_is_not_sent_again(delivery, network):
    delivery.take([minute()])
    assert delivery.deliver() and delivery.deliver()
    assert len(network.requests) == 1


def test_nothing_is_no_request(delivery, network):
    assert delivery.deliver(is_last=True)
    assert network.requests == []


def test_what_comes_for_the_same_minute_is_added(delivery, network):
    delivery.take([minute(calls=2)])
    delivery.take([minute(calls=3), minute(at=MINUTE + 1)])
    delivery.deliver()
    assert [each["StatisticValues"]["SampleCount"] for each in network.taken] == [5.0, 1.0]


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("Throttling", 400),
        refusal("RequestLimitExceeded", 503),
        refusal("InternalServiceFault", 500),
        refusal("AccessDenied", 403),
        refusal("ExpiredToken", 400),
        UNREACHABLE,
        ReadTimeoutError(endpoint_url="https://monitoring"),
        NoCredentialsError(),
        RuntimeError("whatever else"),
    ],
    ids=str,
)
def test_what_may_work_later_is_kept_and_waits(delivery, network, clock, error):
    network.error = error
    delivery.take([minute()])
    assert not delivery.deliver()
    assert (delivery.waiting_count, delivery.pause_s) == (1, 5.0)
    assert delivery.last_error
    network.error = None
    clock.pass_s(4.9)
    assert not delivery.deliver() and len(network.requests) == 1
    clock.pass_s(0.1)
    assert delivery.deliver() and len(network.taken) == 1
    assert (delivery.pause_s, delivery.last_error) == (0.0, None)
    assert losses() == {}


def test_pauses_double_up_to_ten_minutes(delivery, network, clock):
    network.error = refusal("ThrottlingException")
    delivery.take([minute()])
    pauses = []
    for _ in range(10):
        delivery.deliver()
        pauses.append(delivery.pause_s)
        clock.pass_s(delivery.pause_s)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


@pytest.mark.parametrize(("jitter", "pause_s"), [(0.0, 2.5), (0.5, 3.75), (1.0, 5.0)])
def test_processes_do_not_come_back_at_once(clock, network, jitter, pause_s):
    network.error = UNREACHABLE
    delivery = made(clock, network, jitter=lambda: jitter)
    delivery.take([minute()])
    delivery.deliver()
    assert delivery.pause_s == pause_s


def test_the_first_pause_after_a_success_is_short_again(delivery, network, clock):
    network.error = UNREACHABLE
    for _ in range(3):
        delivery.take([minute()])
        delivery.deliver()
        clock.pass_s(delivery.pause_s)
    network.error = None
    delivery.deliver()
    network.error = UNREACHABLE
    delivery.take([minute()])
    delivery.deliver()
    assert delivery.pause_s == 5.0


def test_a_failure_ends_the_round(clock, network):
    delivery = made(clock, network, max_metrics=1)
    network.error = UNREACHABLE
    delivery.take([minute("a"), minute("b"), minute("c")])
    delivery.deliver()
    assert len(network.requests) == 1


def test_part_of_a_round_that_was_taken_is_not_sent_again(clock, network):
    delivery = made(clock, network, max_metrics=1)
    delivery.take([minute("a"), minute("b"), minute("c")])
    put = network.put_metric_data

    def fails_at_the_second(**request):
        network.error = UNREACHABLE if len(network.requests) == 1 else None
        put(**request)

    network.put_metric_data = fails_at_the_second
    assert not delivery.deliver()
    clock.pass_s(5)
    assert delivery.deliver()
    assert features(network.taken) == ["a", "b", "c"]


def test_at_the_end_a_pause_does_not_count(delivery, network):
    network.error = UNREACHABLE
    delivery.take([minute()])
    delivery.deliver()
    network.error = None
    assert delivery.deliver(is_last=True)
    assert len(network.taken) == 1


def test_one_bad_datum_is_found_by_halving(delivery, network):
    network.bad_features = {"f2"}
    delivery.take([minute(f"f{number}", calls=3) for number in range(8)])
    assert delivery.deliver()
    # 8, then 4 with it, 2 without, 2 with it, 1 and 1, and the other 4.
    assert [features(each) for each in network.requests] == [
        ["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"],
        ["f0", "f1", "f2", "f3"],
        ["f0", "f1"],
        ["f2", "f3"],
        ["f2"],
        ["f3"],
        ["f4", "f5", "f6", "f7"],
    ]
    assert features(network.taken) == ["f0", "f1", "f3", "f4", "f5", "f6", "f7"]
    assert losses() == {"metrics_refused": 3}


def test_a_failure_between_halves_sends_nothing_twice(delivery, network, clock):
    network.bad_features = {"f0"}
    delivery.take([minute(f"f{number}") for number in range(4)])
    put = network.put_metric_data

    def fails_at_the_fifth(**request):
        network.error = UNREACHABLE if len(network.requests) == 4 else None
        put(**request)

    network.put_metric_data = fails_at_the_fifth
    assert not delivery.deliver()  # all, f0 f1, f0, f1, and the failure at f2 f3
    clock.pass_s(5)
    assert delivery.deliver()
    assert features(network.taken) == ["f1", "f2", "f3"]
    assert losses() == {"metrics_refused": 1}


def test_a_service_that_refuses_all_is_asked_a_bounded_number_of_times(delivery, network):
    network.error = refusal("InvalidParameterValue")
    delivery.take([minute(f"f{number}") for number in range(1_000)])
    assert not delivery.deliver()
    assert len(network.requests) == 100
    # The next round goes on, and in the end each has stood alone.
    rounds = 1
    while not delivery.deliver():
        rounds += 1
    assert rounds < 30
    assert losses() == {"metrics_refused": 1_000}


@pytest.mark.parametrize("error", [refusal("RequestEntityTooLarge", 413), refusal("ValidationError")])
def test_what_is_too_large_or_invalid_is_halved(delivery, network, error):
    network.error = error
    delivery.take([minute("a"), minute("b")])
    assert delivery.deliver()
    assert losses() == {"metrics_refused": 2}


def test_past_the_limit_the_oldest_are_dropped(clock, network):
    delivery = made(clock, network, max_waiting=3)
    delivery.take([minute(at=MINUTE + number, calls=number + 1) for number in range(3)])
    assert losses() == {}
    delivery.take([minute(at=MINUTE + 3), minute(at=MINUTE + 4)])
    assert delivery.waiting_count == 3
    assert losses() == {"metrics_dropped": 1 + 2}


def test_a_dead_hour_is_bounded_and_counted(clock, network):
    delivery = made(clock, network, max_waiting=1_000)
    network.error = UNREACHABLE
    for number in range(60):
        delivery.take([minute(f"f{each}", at=MINUTE + number, calls=2) for each in range(50)])
        delivery.deliver()
        assert delivery.waiting_count <= 1_000
        clock.pass_s(60)
    # 60 minutes x 50 features = 3,000 sets of 2 values; 1,000 wait, 2,000 were dropped.
    assert losses() == {"metrics_dropped": 4_000}
    # At 0 s, then by pauses of 5, 10, 20 and 40 s at each minute, after 80 s at the second next, and so on.
    assert len(network.requests) <= 15
    network.error = None
    clock.pass_s(600)
    assert delivery.deliver()
    assert len(network.taken) == 1_000
    assert min(each["Timestamp"] for each in network.taken).timestamp() == (MINUTE + 40) * 60


@pytest.mark.parametrize(("age_minutes", "is_sent"), [(14 * 1_440 - 1, True), (14 * 1_440, False)])
def test_two_weeks_are_the_limit(delivery, network, clock, age_minutes, is_sent):
    delivery.take([minute(at=MINUTE - age_minutes, calls=2)])
    assert delivery.deliver()
    assert len(network.taken) == int(is_sent)
    assert losses() == ({} if is_sent else {"metrics_too_old": 2})


def test_a_clock_that_was_ahead_puts_its_minutes_into_this_one(delivery, network, clock):
    delivery.take([minute(at=MINUTE + 1_440)])
    assert delivery.deliver()
    assert network.taken[0]["Timestamp"].timestamp() == MINUTE * 60


def test_a_clock_that_goes_back_keeps_what_waits(delivery, network, clock):
    network.error = UNREACHABLE
    delivery.take([minute()])
    delivery.deliver()
    clock.wall_s -= 3 * 86_400
    clock.monotonic_s += 5
    network.error = None
    assert delivery.deliver()
    assert network.taken[0]["Timestamp"].timestamp() == MINUTE * 60 - 3 * 86_400


def test_a_clock_that_jumps_does_not_make_a_pause_longer(delivery, network, clock):
    network.error = UNREACHABLE
    delivery.take([minute()])
    delivery.deliver()
    clock.wall_s += 86_400
    assert delivery.pause_s == 5.0


def test_a_client_that_cannot_be_made_is_tried_again(clock, network):
    attempts = []

    def make():
        attempts.append(clock.monotonic())
        if len(attempts) == 1:
            raise ImportError("No module named 'boto3'")
        return network

    delivery = made(clock, network)
    delivery._make_client = make
    delivery.take([minute()])
    assert not delivery.deliver()
    assert "boto3" in delivery.last_error
    clock.pass_s(5)
    assert delivery.deliver()
    assert delivery.connect() and len(attempts) == 2


def test_a_failure_is_said_once_and_so_is_its_end(delivery, network, clock, caplog):
    network.error = refusal("AccessDenied", 403)
    delivery.take([minute()])
    for _ in range(3):
        delivery.deliver()
        clock.pass_s(600)
    network.error = None
    delivery.deliver()
    first, last = (record.getMessage() for record in caplog.records)
    assert "AccessDenied (403)" in first and "allow cloudwatch:PutMetricData" in first
    assert "again, after 3 attempts" in last
