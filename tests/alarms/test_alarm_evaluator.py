"""The stand-in for CloudWatch's evaluation: both sides of every rule that it stands in for."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.alarms.alarm_evaluator import ALARM, INSUFFICIENT_DATA, OK, decide, evaluate, read_values

KEPT = "the state before"
NOW = datetime(2025, 6, 16, 9, 20, 30, tzinfo=UTC)


def alarm(periods: int = 1, needed: int = 1, **changes) -> dict:
    usual = {
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": needed,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "missing",
        "StateValue": KEPT,
    }
    return usual | changes


def series(drawn: str) -> list[float | None]:
    """`0` is within the threshold, `X` beyond it, `-` missing; the latest last."""
    return [{"0": 0.0, "X": 2.0, "-": None}[each] for each in drawn.split()]


GUIDE = [
    # drawn, N, M, and the state with missing, ignore, breaching, notBreaching
    ("0 - X - X", 3, 3, OK, OK, OK, OK),
    ("- - - - 0", 3, 3, OK, OK, OK, OK),
    ("- - - - -", 3, 3, INSUFFICIENT_DATA, KEPT, ALARM, OK),
    ("0 X X - X", 3, 3, ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", 3, 3, ALARM, KEPT, ALARM, OK),
    ("0 - X - X", 3, 2, ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", 3, 2, ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", 3, 2, OK, OK, ALARM, OK),
    ("- - - - 0", 3, 2, OK, OK, ALARM, OK),
    ("- - - X -", 3, 2, ALARM, KEPT, ALARM, OK),
]
"""The examples of the User Guide, "Configuring how CloudWatch alarms treat missing data", as remembered: the page was not
at hand when they were written down, so hold them against it before more is built on them."""


@pytest.mark.parametrize(("drawn", "periods", "needed", *("missing", "ignore", "breaching", "notBreaching")), GUIDE)
def test_the_guide_s_examples(drawn, periods, needed, missing, ignore, breaching, notBreaching):
    states = [
        decide(series(drawn), alarm=alarm(periods, needed, TreatMissingData=each))
        for each in ("missing", "ignore", "breaching", "notBreaching")
    ]
    assert states == [missing, ignore, breaching, notBreaching]


@pytest.mark.parametrize(
    ("drawn", "periods", "needed", "state"),
    [
        ("X X 0 0 0", 3, 1, OK),  # the extra periods count only for gaps
        ("0 0 X 0 0", 3, 1, ALARM),
        ("0 0 X 0 X", 3, 3, OK),
        ("0 0 X X X", 3, 3, ALARM),
        ("0 0 0 0 X", 3, 2, OK),
        ("0 0 0 X X", 3, 2, ALARM),
        ("- - - - X", 3, 2, KEPT),  # too young to say
        ("0 0 X", 1, 1, ALARM),
        ("X X 0", 1, 1, OK),
        ("0 X -", 1, 1, ALARM),  # the latest value that there is
        ("X 0 -", 1, 1, OK),
    ],
)
def test_m_of_n(drawn, periods, needed, state):
    assert decide(series(drawn), alarm=alarm(periods, needed)) == state


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        ("GreaterThanThreshold", OK, OK, ALARM),
        ("GreaterThanOrEqualToThreshold", OK, ALARM, ALARM),
        ("LessThanThreshold", ALARM, OK, OK),
        ("LessThanOrEqualToThreshold", ALARM, ALARM, OK),
    ],
)
def test_each_comparison_on_both_sides_and_at_the_threshold(comparison, below, equal, above):
    told = alarm(ComparisonOperator=comparison)
    assert [decide([value], alarm=told) for value in (0.99, 1.0, 1.01)] == [below, equal, above]


def test_a_value_of_nothing_is_a_value():
    assert decide([None, None, 0.0], alarm=alarm(ComparisonOperator="LessThanThreshold")) == ALARM


@pytest.fixture
def put(cloudwatch):
    def put(value: float, *, at: datetime) -> None:
        datum = {"MetricName": "M", "Dimensions": [{"Name": "Feature", "Value": "f"}], "Timestamp": at, "Value": value}
        cloudwatch.put_metric_data(Namespace="AIFinOps", MetricData=[datum])

    return put


@pytest.fixture
def stored(cloudwatch):
    """Store an alarm; return what DescribeAlarms says of it."""

    def store(**changes) -> dict:
        usual = {
            "Namespace": "AIFinOps",
            "MetricName": "M",
            "Dimensions": [{"Name": "Feature", "Value": "f"}],
            "Statistic": "Maximum",
            "Period": 86400,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "missing",
        }
        cloudwatch.put_metric_alarm(AlarmName="a", **usual | changes)
        return cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]

    return store


def test_a_window_of_a_day_ends_with_the_minute(put, stored, cloudwatch):
    put(5, at=NOW - timedelta(days=1, seconds=31))  # a second before the window
    put(7, at=NOW - timedelta(days=1, seconds=30))
    assert read_values(cloudwatch, stored(), now=NOW) == [None, 5.0, 7.0]


def test_a_window_of_several_days_ends_with_the_hour(put, stored, cloudwatch):
    hour = NOW.replace(minute=0, second=0)
    for back in range(5):
        put(back, at=hour - timedelta(days=back, seconds=1))
    put(9, at=hour)
    assert read_values(cloudwatch, stored(EvaluationPeriods=3), now=NOW) == [4.0, 3.0, 2.0, 1.0, 0.0]


def test_the_statistic_is_the_alarm_s(put, stored, cloudwatch):
    put(1, at=NOW - timedelta(hours=2))
    put(4, at=NOW - timedelta(hours=1))
    found = [read_values(cloudwatch, stored(Statistic=each), now=NOW)[-1] for each in ("Minimum", "Maximum", "Sum")]
    assert found == [1.0, 4.0, 5.0]


def test_a_state_is_set_when_it_changes_and_only_then(put, stored, cloudwatch):
    stored()
    put(5, at=NOW - timedelta(hours=1))
    assert evaluate(cloudwatch, now=NOW) == {"a": ALARM}
    assert evaluate(cloudwatch, now=NOW) == {}
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (found["StateValue"], found["StateReason"]) == (ALARM, "of values [None, None, 5.0]")
    assert evaluate(cloudwatch, now=NOW + timedelta(days=4)) == {"a": INSUFFICIENT_DATA}


def test_other_dimensions_are_another_metric(put, stored, cloudwatch):
    stored(Dimensions=[{"Name": "Feature", "Value": "f"}, {"Name": "Trial", "Value": "synthetic"}])
    put(5, at=NOW - timedelta(hours=1))
    assert evaluate(cloudwatch, now=NOW) == {"a": INSUFFICIENT_DATA}
