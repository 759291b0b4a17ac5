"""What keeps an alarm from firing is said, a sentence for each reason; an alarm without a reason is not spoken of."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ai_finops import alarms as package
from ai_finops.alarms.check import ALWAYS, Facts, is_reachable, reasons
from ai_finops.alarms.cloudwatch import last_points
from ai_finops.errors import SettingsError, SourceForbidden
from tests.alarms.conftest import NEWEST_DAY, NOW, TOPIC, alarms
from tests.extract.stand_in import Answer, clients_of, stand_in

NOON = datetime(2025, 6, 16, 12, tzinfo=UTC)
BEGIN = datetime(2025, 6, 15, tzinfo=UTC)
NAME = "ai-finops/AIFinOps/support_chat/routing_few_cheap_calls"
WANTED = {
    "AlarmName": NAME,
    "AlarmDescription": "said",
    "AlarmActions": [TOPIC],
    "OKActions": [],
    "InsufficientDataActions": [],
    "Namespace": "AIFinOps",
    "MetricName": "RoutingMixCallRatio",
    "Dimensions": [{"Name": "Feature", "Value": "support_chat"}, {"Name": "Slice", "Value": "tier=cheap"}],
    "Statistic": "Minimum",
    "Period": 86400,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 0.2,
    "ComparisonOperator": "LessThanThreshold",
    "TreatMissingData": "missing",
}
PRESENT = WANTED | {"ActionsEnabled": True, "StateValue": "OK", "StateUpdatedTimestamp": NOON - timedelta(days=9)}


def facts(
    *,
    last_point_at: datetime | None = BEGIN,
    is_foreign: bool = False,
    both: dict | None = None,
    expected_from: datetime | None = ALWAYS,
    **present,
) -> Facts:
    """Facts of an alarm that could fire, but for what is said."""
    changed = both or {}
    alarm = PRESENT | changed | present
    return Facts(WANTED | changed, "routing_mix_call_ratio", alarm, is_foreign, last_point_at, expected_from)


def said(found: Facts) -> list[str]:
    """Return the reasons without the alarm's name."""
    assert all(sentence.startswith(f"{NAME} ") for sentence in reasons(found, now=NOON))
    return [sentence.removeprefix(f"{NAME} ") for sentence in reasons(found, now=NOON)]


def test_an_alarm_that_could_fire_is_not_spoken_of():
    assert said(facts()) == []


def test_an_alarm_that_is_gone():
    (sentence,) = said(replace(facts(), present=None))
    assert sentence == "is not there: it was deleted, or no sync has run since; run ai-finops alarms sync"


def test_an_alarm_of_somebody_else_in_its_place():
    (sentence,) = said(facts(is_foreign=True, ActionsEnabled=False))
    assert sentence.startswith("is somebody else's alarm, so this rule has none; rename theirs")


def test_a_muted_alarm():
    assert said(facts(ActionsEnabled=False)) == ["is muted: its actions are disabled; enable them in CloudWatch"]


def test_an_alarm_that_tells_nobody():
    (sentence,) = said(facts(both={"AlarmActions": []}))
    assert sentence.startswith("would tell nobody: it has no action; set AI_FINOPS_ALARM_ACTIONS")


def test_an_alarm_that_is_not_what_its_rule_says():
    (sentence,) = said(facts(Threshold=0.1, Statistic="Sum"))
    assert sentence.startswith("is not what its rule says (Statistic, Threshold); run ai-finops alarms sync")


@pytest.mark.parametrize(
    ("comparison", "threshold", "metric", "could"),
    [
        ("LessThanThreshold", 0.0, "routing_mix_call_ratio", False),
        ("LessThanThreshold", 0.01, "routing_mix_call_ratio", True),
        ("LessThanOrEqualToThreshold", 0.0, "routing_mix_call_ratio", True),
        ("LessThanOrEqualToThreshold", -0.01, "routing_mix_call_ratio", False),
        ("GreaterThanThreshold", 1.0, "retrieval_hit_document_ratio", False),
        ("GreaterThanThreshold", 0.99, "retrieval_hit_document_ratio", True),
        ("GreaterThanOrEqualToThreshold", 1.0, "retrieval_hit_document_ratio", True),
        ("GreaterThanOrEqualToThreshold", 1.01, "retrieval_hit_document_ratio", False),
        ("GreaterThanThreshold", 1.0, "token_amplification", True),
        ("GreaterThanThreshold", 1e9, "feature_daily_cost_to_baseline_ratio", True),
        ("LessThanThreshold", 0.0, "feature_daily_cost_to_baseline_ratio", False),
        ("LessThanThreshold", 0.0, "feature_daily_cost_usd", True),
        ("GreaterThanThreshold", math.nan, "token_amplification", False),
        ("GreaterThanOrEqualToThreshold", math.inf, "token_amplification", False),
        ("LessThanOrEqualToThreshold", -math.inf, "feature_daily_cost_usd", False),
    ],
)
def test_which_thresholds_can_be_reached(comparison, threshold, metric, could):
    assert is_reachable(threshold, comparison=comparison, metric_name=metric) == could


def test_a_threshold_that_no_value_is_beyond():
    (sentence,) = said(facts(both={"Threshold": 0.0}))
    assert sentence == (
        "can never be LessThanThreshold 0: routing_mix_call_ratio lies between 0 and 1; "
        "correct the threshold in seed alarm_rules or metric_thresholds"
    )


@pytest.mark.parametrize(("hours", "is_blind"), [(72, False), (73, True)])
def test_values_that_stay_away_for_more_than_three_days(hours, is_blind):
    found = said(facts(last_point_at=NOON - timedelta(hours=hours)))
    assert bool(found) == is_blind
    if is_blind:
        assert found[0].startswith(
            "is blind: RoutingMixCallRatio has had no value since 2025-06-13, and the alarm can only say"
        )


@pytest.mark.parametrize(
    ("expected_from", "is_blind"),
    [(None, False), (NOON, False), (NOON - timedelta(seconds=1), True), (ALWAYS, True)],
)
def test_a_first_value_may_take_its_time_and_one_that_nobody_spends_does_not_come(expected_from, is_blind):
    assert bool(said(facts(last_point_at=None, expected_from=expected_from))) == is_blind
    long_ago = NOON - timedelta(days=9)
    assert said(facts(last_point_at=long_ago, expected_from=expected_from))  # it was there, and is gone


@pytest.mark.parametrize(
    ("treatment", "does"),
    [
        ("missing", "the alarm can only say INSUFFICIENT_DATA; see whether build_marts ran"),
        ("ignore", "the alarm keeps saying OK; see whether"),
        ("notBreaching", "the alarm calls that fine; see whether"),
        ("breaching", None),  # silence is what it waits for
    ],
)
def test_what_an_alarm_does_without_values(treatment, does):
    found = said(facts(last_point_at=None, both={"TreatMissingData": treatment}))
    assert len(found) == (0 if does is None else 1)
    assert all(f"has had no value in the last two weeks, and {does}" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("state", "days", "is_said"), [("INSUFFICIENT_DATA", 3, False), ("INSUFFICIENT_DATA", 4, True), ("ALARM", 4, False)]
)
def test_an_alarm_that_has_known_nothing_for_more_than_three_days(state, days, is_said):
    found = said(facts(StateValue=state, StateUpdatedTimestamp=NOON - timedelta(days=days)))
    assert bool(found) == is_said
    if is_said:
        assert found[0].startswith("has said INSUFFICIENT_DATA since 2025-06-12: CloudWatch does not see its values")


def test_several_reasons_are_several_sentences():
    found = facts(last_point_at=None, ActionsEnabled=False, StateValue="INSUFFICIENT_DATA")
    assert [sentence.split(":")[0].split(" since")[0] for sentence in said(found)] == [
        "is muted",
        "is blind",
        "has said INSUFFICIENT_DATA",
    ]


@pytest.fixture
def check(settings, clients, two_features):
    def check(**changes) -> list[str]:
        return package.check(**{"settings": settings, "now": NOON, "clients": clients} | changes)

    return check


@pytest.fixture
def synced(publish, settings, clients, two_features):
    publish(
        costs=((NEWEST_DAY, "support_chat", 8),),
        ratios=((NEWEST_DAY, "support_chat", 1.25), (NEWEST_DAY, "invoice_extraction", 1.5)),
        metrics=((NEWEST_DAY, "invoice_extraction", "task_type=extraction", "token_amplification", 0.5),),
    )
    package.sync(settings=settings, now=NOW, clients=clients)


def test_after_a_sync_every_alarm_could_fire(synced, check):
    assert check() == []


def test_before_a_sync_none_could(publish, check):
    publish(ratios=((NEWEST_DAY, "support_chat", 1.25),))
    assert [sentence.split(" is not there")[0] for sentence in check()] == [
        "ai-finops/AIFinOps/invoice_extraction/daily_cost_above_baseline",
        "ai-finops/AIFinOps/support_chat/daily_cost_above_baseline",
    ]


def test_what_is_wrong_in_cloudwatch_is_found(synced, check, cloudwatch):
    names = sorted(f"ai-finops/AIFinOps/{name}" for name in alarms(cloudwatch))
    cloudwatch.delete_alarms(AlarmNames=names[:1])
    cloudwatch.disable_alarm_actions(AlarmNames=names[2:])
    found = check()
    assert [sentence[:80].split(":")[0] for sentence in found] == [f"{names[0]} is not there", f"{names[2]} is muted"]


def test_a_sync_that_stopped_running_makes_every_alarm_blind(synced, check):
    assert check(now=NOON + timedelta(days=1)) == []
    stale, *found = check(now=NOON + timedelta(days=2))
    assert stale.startswith(
        "the published marts end on 2025-06-15, so no alarm sees anything newer; see why build_marts"
    )
    assert len(found) == 3
    assert all("has had no value since 2025-06-15" in sentence for sentence in found)
    later = check(now=NOON + timedelta(days=20))
    assert [sentence.split(" is blind")[0].rpartition("/")[2] for sentence in later[1:]] == [
        "token_amplification_extraction"
    ]


def test_marts_that_go_on_without_a_sync_make_alarms_blind(synced, check, publish):
    days = [NEWEST_DAY + timedelta(days=later) for later in range(4)]
    publish(ratios=tuple((day, "support_chat", 1.25) for day in days), as_of=days[-1] + timedelta(days=1))
    found = check(now=NOON + timedelta(days=3))
    assert [sentence for sentence in found if "the published marts end" in sentence] == []
    assert any("support_chat/daily_cost_above_baseline is blind" in sentence for sentence in found)


@pytest.mark.parametrize(("days", "is_said"), [(4, False), (5, True)])
def test_a_feature_s_first_days_have_no_verdict_and_that_is_no_fault(publish, check, settings, clients, days, is_said):
    """Its first day is 11 June, so that values should have come by 16 June."""
    newest = date(2025, 6, 10) + timedelta(days=days)
    rows = tuple((newest - timedelta(days=back), "support_chat", 8) for back in range(days))
    publish(costs=rows, as_of=newest + timedelta(days=1))
    now = datetime.combine(newest, NOON.timetz()) + timedelta(days=1)
    package.sync(settings=settings, now=now, clients=clients)
    found = check(now=now)
    assert [sentence.split(" is blind")[0].rpartition("/")[0] for sentence in found] == (
        ["ai-finops/AIFinOps/support_chat"] if is_said else []
    )


def test_the_last_point_of_many_alarms(synced, cloudwatch, monkeypatch):
    asked: list[int] = []
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData",
        lambda params, **_: asked.append(len(params["MetricDataQueries"])),
    )
    monkeypatch.setattr("ai_finops.alarms.cloudwatch.QUERIES_PER_CALL", 2)
    found = last_points(cloudwatch, alarms(cloudwatch).values(), start=BEGIN - timedelta(days=5), end=NOON)
    assert set(found.values()) == {BEGIN} and len(found) == 3
    assert asked == [2, 1]


@pytest.mark.parametrize("kind", ["none", "prometheus"])
def test_alarms_that_are_not_in_cloudwatch_cannot_be_checked(check, settings, kind):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_ALARMS is {kind}: only alarms in CloudWatch can be checked"):
        check(settings=replace(settings, alarms=kind))


def test_a_refusal_names_the_permission(publish, check, settings, monkeypatch):
    publish()
    with stand_in() as refusing:
        refusing.answer = lambda path, number: Answer(403, b'{"__type":"AccessDenied"}')
        clients = clients_of(refusing.endpoint, monkeypatch=monkeypatch, settings=settings)
        with pytest.raises(
            SourceForbidden, match=r"alarms ai-finops/AIFinOps/\*.*allow cloudwatch:DescribeAlarms on \*"
        ):
            check(clients=clients)
