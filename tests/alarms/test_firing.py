"""From the published marts to the state of an alarm: what is synced is evaluated by the stand-in, and fires or does not."""

from datetime import UTC, datetime, timedelta

import pytest

from ai_finops import alarms as package
from tests.alarms.alarm_evaluator import evaluate
from tests.alarms.conftest import AS_OF, NEWEST_DAY, alarms

RATIO_ALARM = "support_chat/daily_cost_above_baseline"
EXTRACTION_ALARM = "support_chat/token_amplification_extraction"
CHEAP_ALARM = "support_chat/routing_few_cheap_calls"
LOCKED_ALARM = "support_chat/routing_locked_expensive"


def morning(days_later: int = 0, *, hour: int = 9) -> datetime:
    """When the values of the newest day can be seen."""
    return datetime(AS_OF.year, AS_OF.month, AS_OF.day, hour, tzinfo=UTC) + timedelta(days=days_later)


def days(*newest_last: float | None) -> list[tuple]:
    """The days up to the newest, with their values; None for a day without."""
    first = NEWEST_DAY - timedelta(days=len(newest_last) - 1)
    return [(first + timedelta(days=place), value) for place, value in enumerate(newest_last) if value is not None]


@pytest.fixture
def states(publish, settings, clients, cloudwatch, keep):
    """Sync marts with these values of support_chat, evaluate all alarms, and return their states by name."""
    keep("features", "support_chat")

    def states(*, ratios=(), verdicts=(), now: datetime | None = None, **metrics) -> dict[str, str]:
        rows = [
            (day, "support_chat", *series, value)
            for name, values in metrics.items()
            for series in [SERIES[name]]
            for day, value in days(*values)
        ]
        publish(
            ratios=tuple((day, "support_chat", ratio) for day, ratio in days(*ratios)),
            verdicts=tuple((day, "support_chat", verdict) for day, verdict in days(*verdicts)),
            metrics=tuple(rows),
        )
        package.sync(settings=settings, now=morning(), clients=clients)
        evaluate(cloudwatch, now=now or morning())
        return {name: alarm["StateValue"] for name, alarm in alarms(cloudwatch).items()}

    return states


SERIES = {
    "extraction": ("task_type=extraction", "token_amplification"),
    "cheap": ("tier=cheap", "routing_mix_call_ratio"),
    "expensive": ("tier=expensive", "routing_mix_call_ratio"),
}


@pytest.mark.parametrize(("ratio", "state"), [(1.99, "OK"), (2.0, "OK"), (2.01, "ALARM")])
def test_a_day_above_twice_its_baseline_fires_and_one_at_it_does_not(states, ratio, state):
    assert states(ratios=(ratio,))[RATIO_ALARM] == state


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (("normal", "spike"), "ALARM"),
        (("normal", "new_spend"), "ALARM"),
        (("normal", "step"), "ALARM"),
        (("spike", "normal"), "OK"),
        (("normal", "insufficient_history"), "OK"),  # of that day nothing is known: the day before counts
        (("spike", "cost_not_known"), "ALARM"),
    ],
)
def test_an_anomaly_fires_and_a_normal_day_does_not(states, verdicts, state):
    assert states(verdicts=verdicts)["support_chat/daily_cost_anomaly"] == state


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((0.1, 0.81, 0.81), "ALARM"),
        ((0.81, 0.1, 0.81), "ALARM"),
        ((0.1, 0.1, 0.81), "OK"),
        ((0.1, 0.8, 0.81), "OK"),  # equality is `watch`
        ((0.81, 0.81, 0.1, 0.1), "OK"),  # the first is too long ago
        ((0.81, None, 0.81), "ALARM"),
        ((0.1, None, 0.81), "OK"),
    ],
)
def test_two_of_three_days_above(states, values, state):
    assert states(extraction=values)[EXTRACTION_ALARM] == state


@pytest.mark.parametrize(
    ("values", "state"), [((0.5, 0.19, 0.19), "ALARM"), ((0.5, 0.2, 0.19), "OK"), ((0.5, 0.5, 0.19), "OK")]
)
def test_two_of_three_days_below(states, values, state):
    assert states(cheap=values)[CHEAP_ALARM] == state


@pytest.mark.parametrize(
    ("values", "state"), [((0.91,) * 7, "ALARM"), ((0.91,) * 6 + (0.9,), "OK"), ((0.9,) + (0.91,) * 6, "OK")]
)
def test_locked_is_every_day_of_a_week(states, values, state):
    assert states(expensive=values)[LOCKED_ALARM] == state


def test_a_day_that_was_restated_to_worse_fires(states):
    assert states(ratios=(1.5,))[RATIO_ALARM] == "OK"
    assert states(ratios=(2.5,))[RATIO_ALARM] == "ALARM"


def test_a_day_that_was_restated_to_better_does_not_take_back_what_was_said(states):
    assert states(ratios=(2.5,))[RATIO_ALARM] == "ALARM"
    assert states(ratios=(1.5,))[RATIO_ALARM] == "ALARM"


def test_low_values_that_were_restated(states):
    assert states(cheap=(0.19, 0.5, 0.5))[CHEAP_ALARM] == "OK"
    assert states(cheap=(0.19, 0.5, 0.1))[CHEAP_ALARM] == "ALARM"


@pytest.mark.parametrize(
    ("treatment", "after_an_alarm", "after_none"),
    [
        ("ignore", "ALARM", "OK"),
        ("missing", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM", "ALARM"),
        ("notBreaching", "OK", "OK"),
    ],
)
def test_what_an_alarm_says_when_values_stay_away(states, cloudwatch, edit, treatment, after_an_alarm, after_none):
    edit("alarm_rules", treat_missing_data=treatment)
    before = states(ratios=(2.5,), extraction=(0.1, 0.1, 0.1))
    assert (before[RATIO_ALARM], before[EXTRACTION_ALARM]) == ("ALARM", "OK")
    evaluate(cloudwatch, now=morning(10))
    found = {name: alarm["StateValue"] for name, alarm in alarms(cloudwatch).items()}
    assert (found[RATIO_ALARM], found[EXTRACTION_ALARM]) == (after_an_alarm, after_none)


def test_the_night_before_the_next_value_is_no_recovery(states, cloudwatch):
    """From midnight until the morning's sync no value lies in the last day: the state stays, and nobody is told twice."""
    assert states(ratios=(1.0, 2.5))[RATIO_ALARM] == "ALARM"
    for hour in (0, 3, 7):
        assert evaluate(cloudwatch, now=morning(1, hour=hour)).get(RATIO_ALARM) is None
    assert alarms(cloudwatch)[RATIO_ALARM]["StateValue"] == "ALARM"


def test_before_the_day_ends_its_value_is_not_seen(states):
    yesterday = datetime(2025, 6, 15, 23, 58, tzinfo=UTC)
    assert states(ratios=(1.0, 2.5), now=yesterday)[RATIO_ALARM] == "OK"
