"""Values and alarms come in step with the marts, over HTTP against the local AWS; nobody else's alarm is touched."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from ai_finops import alarms as package
from ai_finops.alarms.definitions import marker
from ai_finops.alarms.stepping import Steps, find_steps
from ai_finops.errors import AlarmError, PublishError, SettingsError
from tests.alarms.conftest import AS_OF, NEWEST_DAY, NOW, TOPIC, alarms, points

COST_ALARM = "support_chat/daily_cost_above_baseline"
OTHER_COST_ALARM = "invoice_extraction/daily_cost_above_baseline"
EXTRACTION_ALARM = "invoice_extraction/token_amplification_extraction"
EXTRACTION = (NEWEST_DAY, "invoice_extraction", "task_type=extraction", "token_amplification", 0.88)

pytestmark = pytest.mark.usefixtures("two_features")


@pytest.fixture
def sync(settings, clients):
    def sync(**changes):
        arguments = {"settings": settings, "now": NOW, "clients": clients}
        return package.sync(**arguments | changes)

    return sync


@pytest.fixture
def filled(publish):
    publish(
        costs=((NEWEST_DAY, "support_chat", 8), (NEWEST_DAY, "invoice_extraction", 6.5)),
        ratios=((NEWEST_DAY, "support_chat", 1.25), (NEWEST_DAY, "invoice_extraction", None)),
        metrics=(EXTRACTION,),
    )


def test_one_alarm_for_each_feature_and_rule(filled, sync, cloudwatch):
    told = sync()
    assert list(alarms(cloudwatch)) == [OTHER_COST_ALARM, EXTRACTION_ALARM, COST_ALARM]
    assert "alarms: 3 created, 0 updated, 0 deleted, 0 unchanged" in told


def test_an_alarm_says_what_its_rule_says(filled, sync, cloudwatch, settings):
    sync()
    alarm = alarms(cloudwatch)[EXTRACTION_ALARM]
    assert alarm["AlarmDescription"] == (
        "Invoice extraction: token amplification, task_type=extraction above 0.8 on 2 of 3 days.\n"
        "Severity: warning. Owner: prompt owner, growth-lead@example.com.\n"
        "To do: rewrite prompts for concision, structured output.\n" + marker(settings)
    )
    wanted = {
        "AlarmActions": [TOPIC],
        "ActionsEnabled": True,
        "Namespace": "AIFinOps",
        "MetricName": "TokenAmplification",
        "Dimensions": [
            {"Name": "Feature", "Value": "invoice_extraction"},
            {"Name": "Slice", "Value": "task_type=extraction"},
        ],
        "Statistic": "Maximum",
        "Period": 86400,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 0.8,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "missing",
    }
    assert {name: alarm[name] for name in wanted} == wanted


def test_the_values_can_be_read_on_the_day_they_speak_of(filled, sync, cloudwatch):
    told = sync()
    assert points(cloudwatch, "FeatureDailyCostUSD", Feature="support_chat") == {NEWEST_DAY: 8.0}
    assert points(cloudwatch, "FeatureDailyCostToBaselineRatio", Feature="support_chat") == {NEWEST_DAY: 1.25}
    sliced = {"Feature": "invoice_extraction", "Slice": "task_type=extraction"}
    assert points(cloudwatch, "TokenAmplification", **sliced) == {NEWEST_DAY: 0.88}
    assert told[0] == (
        "values: 4 put (0 of them restated), 0 unchanged, 3 not known, "
        "0 from before 2025-06-02, which CloudWatch takes no more, 0 that it never takes"
    )


def test_again_writes_nothing(filled, sync, writes):
    sync()
    assert writes.names == ["PutMetricData", *["PutMetricAlarm"] * 3]
    writes.names.clear()
    told = sync()
    assert writes.names == []
    assert told[0].startswith("values: 0 put (0 of them restated), 4 unchanged")
    assert told[1] == "alarms: 0 created, 0 updated, 0 deleted, 3 unchanged"


def test_a_changed_bound_changes_its_alarm_alone(filled, sync, cloudwatch, writes, edit):
    sync()
    writes.names.clear()
    edit("metric_thresholds", lambda row: row["dimension"] == "task_type=extraction", warning_bound="0.9")
    told = sync()
    assert writes.names == ["PutMetricAlarm"]
    assert f"  updated ai-finops/AIFinOps/{EXTRACTION_ALARM}" in told
    assert {name: alarm["Threshold"] for name, alarm in alarms(cloudwatch).items()} == {
        OTHER_COST_ALARM: 2.0,
        EXTRACTION_ALARM: 0.9,
        COST_ALARM: 2.0,
    }


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("reason", "another reason"),  # not part of an alarm
        ("evaluation_periods", "2"),
        ("treat_missing_data", "breaching"),
        ("severity", "critical"),
        ("comparison", "GreaterThanOrEqualToThreshold"),
        ("threshold", "3"),
    ],
)
def test_what_makes_an_alarm_another_one(filled, sync, writes, edit, column, text):
    sync()
    writes.names.clear()
    edit("alarm_rules", lambda row: row["rule"] == "daily_cost_above_baseline", **{column: text})
    sync()
    assert writes.names == ([] if column == "reason" else ["PutMetricAlarm"] * 2)


@pytest.mark.parametrize(("last_date", "is_kept"), [("2025-06-15", True), ("2025-06-14", False), ("", True)])
def test_a_retired_feature_loses_its_alarms_after_its_last_day(filled, sync, cloudwatch, edit, last_date, is_kept):
    sync()
    edit("features", lambda row: row["feature_id"] == "support_chat", last_date=last_date)
    told = sync()
    assert (COST_ALARM in alarms(cloudwatch)) == is_kept
    assert (f"  deleted ai-finops/AIFinOps/{COST_ALARM}" in told) != is_kept


@pytest.mark.parametrize(("first_date", "is_there"), [("2025-06-15", True), ("2025-06-16", False)])
def test_a_feature_has_alarms_from_its_first_day_on(filled, sync, cloudwatch, edit, first_date, is_there):
    edit("features", lambda row: row["feature_id"] == "support_chat", first_date=first_date)
    sync()
    assert (COST_ALARM in alarms(cloudwatch)) == is_there


def test_a_rule_that_is_taken_out_takes_its_alarms_along(filled, sync, cloudwatch, keep):
    sync()
    keep("alarm_rules", "token_amplification_extraction")
    sync()
    assert list(alarms(cloudwatch)) == [EXTRACTION_ALARM]


def test_more_than_a_hundred_alarms_go_in_calls_of_a_hundred(filled, sync, cloudwatch, writes, seeds):
    features = seeds / "features.csv"
    before = features.read_text()
    features.write_text(before + "".join(f"f{number},F,t,o@example.com,,\n" for number in range(101)))
    sync()
    assert len(alarms(cloudwatch)) == 104
    writes.names.clear()
    features.write_text(before)
    sync()
    assert writes.names == ["DeleteAlarms"] * 2
    assert len(alarms(cloudwatch)) == 3


def put_foreign(cloudwatch, name: str, description: str = "by hand") -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=description,
        Namespace="AIFinOps",
        MetricName="Other",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


def test_somebody_else_s_alarms_are_left_alone(filled, sync, cloudwatch, settings):
    names = (
        "cpu-high",
        "ai-finops/Staging/support_chat/daily_cost_above_baseline",
        "ai-finops/AIFinOps/gone/by_hand",
        f"ai-finops/AIFinOps/{COST_ALARM}",
    )
    for name in names:
        put_foreign(cloudwatch, name)
    put_foreign(cloudwatch, "marked-elsewhere", marker(settings))
    told = sync()
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    by_hand = {alarm["AlarmName"] for alarm in found if alarm["MetricName"] == "Other"}
    assert by_hand == {*names, "marked-elsewhere"}
    assert [line.split(" ")[1] for line in told if line.startswith("conflict: ")] == sorted(names[2:])
    assert "alarms: 2 created, 0 updated, 0 deleted, 0 unchanged" in told


def test_an_alarm_with_our_line_and_another_name_is_not_ours(settings):
    elsewhere = {"AlarmName": "copied", "AlarmDescription": marker(settings)}
    assert find_steps([elsewhere], wanted={}, settings=settings) == Steps((), (), (), (), ())


def test_two_deployments_in_one_account_keep_apart(filled, sync, cloudwatch, settings):
    sync()
    staging = replace(settings, alarms_namespace="Staging", alarm_actions=())
    told = sync(settings=staging)
    assert "alarms: 3 created, 0 updated, 0 deleted, 0 unchanged" in told
    assert not [line for line in told if "conflict" in line]
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 6


def test_what_was_changed_by_hand_is_undone_but_a_mute_stays(filled, sync, cloudwatch):
    sync()
    name = f"ai-finops/AIFinOps/{COST_ALARM}"
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert "alarms: 0 created, 0 updated, 0 deleted, 3 unchanged" in sync()
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    taken = ("AlarmDescription", "AlarmActions", "Namespace", "MetricName", "Dimensions", "Statistic", "Period")
    more = ("EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "TreatMissingData", "ActionsEnabled")
    cloudwatch.put_metric_alarm(AlarmName=name, Threshold=99, **{each: alarm[each] for each in (*taken, *more)})
    assert "alarms: 0 created, 1 updated, 0 deleted, 2 unchanged" in sync()
    assert (alarms(cloudwatch)[COST_ALARM]["Threshold"], alarms(cloudwatch)[COST_ALARM]["ActionsEnabled"]) == (
        2.0,
        False,
    )


def test_other_topics_change_every_alarm(filled, sync, cloudwatch, settings):
    sync()
    told = sync(settings=replace(settings, alarm_actions=()))
    assert "alarms: 0 created, 3 updated, 0 deleted, 0 unchanged" in told
    assert "the alarms tell nobody; set AI_FINOPS_ALARM_ACTIONS to the ARN of an SNS topic" in told
    assert [alarm["AlarmActions"] for alarm in alarms(cloudwatch).values()] == [[]] * 3


def test_a_metric_that_a_feature_never_had_makes_no_alarm_and_a_past_one_does(publish, sync, cloudwatch):
    long_ago = (NEWEST_DAY - timedelta(days=90), *EXTRACTION[1:])
    publish(metrics=((NEWEST_DAY, "support_chat", "task_type=extraction", "token_amplification", 0.9, "insufficient"),))
    sync()
    assert list(alarms(cloudwatch)) == [OTHER_COST_ALARM, COST_ALARM]
    publish(metrics=(long_ago,))
    sync()
    assert EXTRACTION_ALARM in alarms(cloudwatch)


def test_what_of_the_cost_is_published(publish, sync, cloudwatch):
    day = NEWEST_DAY - timedelta(days=1)
    publish(
        costs=((day, "support_chat", 0), (NEWEST_DAY, "support_chat", 8), (NEWEST_DAY, "total", 8)),
        verdicts=((day, "support_chat", "normal"), (NEWEST_DAY, "support_chat", "new_spend")),
    )
    told = sync()
    assert points(cloudwatch, "FeatureDailyCostUSD", Feature="support_chat") == {day: 0.0, NEWEST_DAY: 8.0}
    assert points(cloudwatch, "FeatureDailyCostAnomaly", Feature="support_chat") == {day: 0.0, NEWEST_DAY: 1.0}
    assert points(cloudwatch, "FeatureDailyCostUSD", Feature="total") == {}
    assert told[0].startswith("values: 4 put (0 of them restated), 0 unchanged, 2 not known")
    assert not [line for line in told if line.startswith("no alarms for")]


def test_too_few_samples_and_the_total_are_not_published(publish, sync, cloudwatch):
    few = (NEWEST_DAY, "support_chat", "task_type=extraction", "token_amplification", 0.9, "insufficient")
    total = (NEWEST_DAY, "total", "task_type=extraction", "token_amplification", 0.9)
    publish(metrics=(few, total))
    told = sync()
    assert told[0].startswith("values: 0 put (0 of them restated), 0 unchanged, 1 not known")
    assert points(cloudwatch, "TokenAmplification", Feature="support_chat", Slice="task_type=extraction") == {}


def test_a_metric_without_a_threshold_is_not_published(publish, sync):
    metric = (NEWEST_DAY, "support_chat", "all", "prompt_cache_read_ratio", 0.9)
    publish(metrics=(metric,), statements=("update fct_daily_metrics set healthy_bound = null",))
    assert sync()[0].startswith("values: 0 put")


def test_features_that_no_seed_knows_are_named(publish, sync, cloudwatch):
    publish(costs=((NEWEST_DAY, "shadow_bot", 3), (NEWEST_DAY, "support_chat", 8)))
    told = sync()
    assert "no alarms for shadow_bot: seed features has no such feature in production" in told
    assert points(cloudwatch, "FeatureDailyCostUSD", Feature="shadow_bot") == {}


def test_a_name_that_cloudwatch_does_not_take_stops_no_other(filled, sync, cloudwatch, edit):
    edit("features", lambda row: row["feature_id"] == "support_chat", feature_id="supportö")
    told = sync()
    assert list(alarms(cloudwatch)) == [OTHER_COST_ALARM, EXTRACTION_ALARM]
    assert told[-1].startswith("no alarms for support_chat, supportö: ")


def test_without_a_feature_in_production_nothing_is_deleted(filled, sync, cloudwatch, edit):
    sync()
    edit("features", last_date="2025-01-01", first_date="")
    with pytest.raises(SettingsError, match="no feature that exists on 2025-06-15; no alarm was touched"):
        sync()
    assert len(alarms(cloudwatch)) == 3


def test_a_build_without_baselines_is_named(publish, sync, cloudwatch):
    publish(statements=("drop table fct_daily_cost_baselines",))
    with pytest.raises(AlarmError, match=r"fct_daily_cost_baselines does not exist.*publish a build of this version"):
        sync()
    assert alarms(cloudwatch) == {}


def test_a_build_without_a_column_is_named(publish, sync):
    publish(statements=("alter table fct_daily_cost_baselines drop baseline_ratio",))
    with pytest.raises(AlarmError, match=r"baseline_ratio.*publish a build"):
        sync()


def test_nothing_published_is_said(sync):
    with pytest.raises(PublishError, match="nothing is published"):
        sync()


def test_switched_off_does_nothing(sync, settings, writes):
    assert sync(settings=replace(settings, alarms="none"))[0].startswith(
        "alarms are switched off; set AI_FINOPS_ALARMS"
    )
    assert writes.names == []


def test_days_are_counted_back_from_the_call_and_not_from_the_marts(publish, sync, cloudwatch):
    costs = tuple((AS_OF - timedelta(days=back), "support_chat", back) for back in range(1, 21))
    publish(costs=costs)
    told = sync(now=datetime(2025, 6, 20, 7, 30, tzinfo=NOW.tzinfo))
    found = points(cloudwatch, "FeatureDailyCostUSD", Feature="support_chat")
    assert (min(found), max(found), len(found)) == (date(2025, 6, 6), NEWEST_DAY, 10)
    assert "10 from before 2025-06-06, which CloudWatch takes no more" in told[0]
