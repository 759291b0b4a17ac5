"""A trial lets the copies of a feature's alarms fire, on values of their own, and leaves nothing behind."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ai_finops import alarms as package
from ai_finops.alarms.trial import breaching_data, trial_copy
from ai_finops.errors import AlarmError, SettingsError, SourceForbidden
from tests.alarms.alarm_evaluator import evaluate, evaluating
from tests.alarms.conftest import NEWEST_DAY, NOW, TOPIC, alarms, points
from tests.extract.json_aws import Refused, json_aws
from tests.extract.stand_in import clients_of

EXTRACTION = (NEWEST_DAY, "invoice_extraction", "task_type=extraction", "token_amplification", 0.5)

pytestmark = pytest.mark.usefixtures("two_features")


@pytest.fixture
def synced(publish, settings, clients):
    publish(
        costs=((NEWEST_DAY, "support_chat", 8), (NEWEST_DAY, "invoice_extraction", 6.5)),
        ratios=((NEWEST_DAY, "support_chat", 1.25), (NEWEST_DAY, "invoice_extraction", 1.5)),
        metrics=(EXTRACTION,),
    )
    package.sync(settings=settings, now=NOW, clients=clients)


@pytest.fixture
def trial(settings, clients):
    def trial(feature_id: str = "invoice_extraction", **changes):
        usual = {"settings": settings, "now": NOW, "clients": clients, "timeout_seconds": 20.0, "poll_seconds": 0.05}
        return package.try_alarms(feature_id, **usual | changes)

    return trial


def test_every_alarm_of_the_feature_fires_and_its_copy_is_deleted(synced, trial, cloudwatch):
    before = alarms(cloudwatch)
    with evaluating(cloudwatch, now=NOW):
        trials = trial()
    assert [(each.alarm_name, each.has_fired, each.state) for each in trials] == [
        ("ai-finops/AIFinOps/invoice_extraction/daily_cost_above_baseline", True, "ALARM"),
        ("ai-finops/AIFinOps/invoice_extraction/token_amplification_extraction", True, "ALARM"),
    ]
    assert alarms(cloudwatch).keys() == before.keys()


def test_the_real_series_and_the_real_alarms_see_nothing_of_it(synced, trial, cloudwatch):
    evaluate(cloudwatch, now=NOW)
    with evaluating(cloudwatch, now=NOW):
        trial()
    found = points(cloudwatch, "FeatureDailyCostToBaselineRatio", stat="SampleCount", Feature="invoice_extraction")
    assert found == {NEWEST_DAY: 1.0}
    assert {name: alarm["StateValue"] for name, alarm in alarms(cloudwatch).items()} == {
        "invoice_extraction/daily_cost_above_baseline": "OK",
        "invoice_extraction/token_amplification_extraction": "OK",  # one value of three days, and that is fine
        "support_chat/daily_cost_above_baseline": "OK",
    }


def test_one_rule_alone(synced, trial, cloudwatch):
    with evaluating(cloudwatch, now=NOW):
        (one,) = trial(rule="token_amplification_extraction")
    assert one.has_fired and one.alarm_name.endswith("/token_amplification_extraction")


def test_an_alarm_that_nobody_evaluates_does_not_fire_and_is_cleaned_up(synced, trial, cloudwatch):
    before = alarms(cloudwatch)
    trials = trial(timeout_seconds=0.2)
    assert [(each.has_fired, each.state, each.seconds >= 0.2) for each in trials] == [(False, "OK", True)] * 2
    assert alarms(cloudwatch) == before


def test_an_alarm_that_cannot_fire_says_so(synced, trial, cloudwatch, edit, settings, clients):
    """With three of three days asked for and two values put, it must not fire: the trial is no rubber stamp."""
    put = cloudwatch.put_metric_data

    def lose_one(**given):
        kept = given["MetricData"][:-1] if len(given["MetricData"]) > 1 else given["MetricData"]
        return put(**given | {"MetricData": kept})

    cloudwatch.put_metric_data = lose_one
    try:
        with evaluating(cloudwatch, now=NOW):
            (one,) = trial(rule="token_amplification_extraction", timeout_seconds=0.5)
    finally:
        del cloudwatch.put_metric_data
    assert not one.has_fired


def test_a_copy_that_somebody_deletes_is_said(synced, trial, cloudwatch):
    (one,) = trial(
        "support_chat", timeout_seconds=0.2, on_breach=lambda names: cloudwatch.delete_alarms(AlarmNames=list(names))
    )
    assert (one.has_fired, one.state) == (False, "deleted")


def test_a_breach_lasts_as_long_as_the_wait(synced, trial, cloudwatch, monkeypatch):
    monkeypatch.setattr("ai_finops.alarms.trial.BREACH_AGAIN_SECONDS", 0.1)
    puts: list[datetime] = []
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.PutMetricData", lambda params, **_: puts.append(params["MetricData"])
    )
    trial("support_chat", timeout_seconds=0.5)
    assert len(puts) > 2


def test_what_a_copy_has_of_its_alarm_and_what_not(synced, cloudwatch, settings):
    alarm = alarms(cloudwatch)["invoice_extraction/token_amplification_extraction"]
    copy = trial_copy(alarm, settings=settings, is_telling=False)
    same = ("Namespace", "MetricName", "Statistic", "EvaluationPeriods", "DatapointsToAlarm", "Threshold")
    assert {name: copy[name] for name in (*same, "ComparisonOperator", "TreatMissingData")} == {
        name: alarm[name] for name in (*same, "ComparisonOperator", "TreatMissingData")
    }
    assert copy["Dimensions"] == [*alarm["Dimensions"], {"Name": "Trial", "Value": "synthetic"}]
    assert (copy["Period"], copy["AlarmActions"], copy["ActionsEnabled"]) == (60, [], False)
    assert copy["AlarmName"] == "ai-finops/trial/AIFinOps/invoice_extraction/token_amplification_extraction"
    assert copy["AlarmDescription"].startswith("TRIAL with made-up values; nothing has happened.\nInvoice extraction: ")
    telling = trial_copy(alarm, settings=settings, is_telling=True)
    assert (telling["AlarmActions"], telling["ActionsEnabled"]) == ([TOPIC], True)


@pytest.mark.parametrize(
    ("comparison", "threshold", "value"),
    [
        ("GreaterThanThreshold", 0.8, 1.8),
        ("GreaterThanOrEqualToThreshold", 1000.0, 2000.0),
        ("LessThanThreshold", 0.2, -0.8),
        ("LessThanOrEqualToThreshold", -3.0, -6.0),
        ("GreaterThanThreshold", -3.0, 0.0),
    ],
)
def test_the_values_are_beyond_the_threshold_in_the_last_full_minutes(comparison, threshold, value):
    alarm = {"MetricName": "M", "Dimensions": [], "ComparisonOperator": comparison, "Threshold": threshold}
    data = breaching_data(alarm, now=datetime(2025, 6, 16, 7, 30, 59, tzinfo=UTC), count=2)
    assert [(datum["Value"], datum["Timestamp"].minute, datum["Timestamp"].second) for datum in data] == [
        (value, 29, 0),
        (value, 28, 0),
    ]


def test_a_feature_without_alarms_is_named_with_what_there_is(synced, trial):
    with pytest.raises(
        AlarmError, match=r"feature nobody has no alarm in us-east-1 \(there are: none\); run ai-finops alarms"
    ):
        trial("nobody")
    said = r"feature support_chat has no alarm for rule cpu in us-east-1 \(there are: daily_cost_above_baseline\)"
    with pytest.raises(AlarmError, match=said):
        trial("support_chat", rule="cpu")


def test_only_a_feature_s_own_alarms_are_tried(synced, trial, cloudwatch):
    cloudwatch.put_metric_alarm(
        AlarmName="ai-finops/AIFinOps/support_chat/by_hand",
        Namespace="N",
        MetricName="M",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert len(trial("support_chat", timeout_seconds=0.1)) == 1


@pytest.mark.parametrize("kind", ["none", "prometheus"])
def test_alarms_that_are_not_in_cloudwatch_cannot_be_tried(trial, settings, kind):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_ALARMS is {kind}: only alarms in CloudWatch can be tried"):
        trial(settings=replace(settings, alarms=kind))


class OneAlarm:
    """A CloudWatch with one alarm that refuses to put values."""

    def __init__(self, alarm: dict) -> None:
        self._alarm = {name: value for name, value in alarm.items() if not isinstance(value, datetime)}

    def call(self, operation: str, params: dict) -> dict:
        if operation == "PutMetricData":
            raise Refused("AccessDenied", status=403)
        return {"MetricAlarms": [self._alarm]} if operation == "DescribeAlarms" else {}


def test_the_copies_are_deleted_also_when_the_breach_is_refused(synced, trial, cloudwatch, settings, monkeypatch):
    alarm = alarms(cloudwatch)["support_chat/daily_cost_above_baseline"]
    with json_aws(OneAlarm(alarm)) as refusing:
        clients = clients_of(refusing.endpoint, monkeypatch=monkeypatch, settings=settings)
        with pytest.raises(SourceForbidden, match="cannot publish to the CloudWatch namespace AIFinOps"):
            trial("support_chat", clients=clients)
    assert refusing.operations() == ["DescribeAlarms", "PutMetricAlarm", "PutMetricData", "DeleteAlarms"]
    (deleted,) = [params["AlarmNames"] for operation, params in refusing.asked if operation == "DeleteAlarms"]
    assert deleted == ["ai-finops/trial/AIFinOps/support_chat/daily_cost_above_baseline"]
