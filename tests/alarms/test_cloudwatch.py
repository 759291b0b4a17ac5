"""The calls to CloudWatch: pages, refusals, quotas, and connections that break off."""

import pytest

from ai_finops import alarms as package
from ai_finops.alarms.cloudwatch import delete_alarms, find_alarms, put_alarm
from ai_finops.errors import SourceError, SourceForbidden, SourceUnavailable
from tests.alarms.conftest import NEWEST_DAY, NOW
from tests.extract.json_aws import CutOff, Refused, json_aws
from tests.extract.stand_in import clients_of


class AlarmRules:
    """CloudWatch's rules for listing and deleting alarms (API reference)."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def call(self, operation: str, params: dict) -> dict:
        return getattr(self, operation)(params)

    def DescribeAlarms(self, params: dict) -> dict:
        if not 1 <= params.get("MaxRecords", 50) <= 100:
            raise Refused("ValidationError", "MaxRecords")
        known = [name for name in sorted(self.names) if name.startswith(params.get("AlarmNamePrefix", ""))]
        start, size = int(params.get("NextToken") or 0), params.get("MaxRecords", 50)
        more = {"NextToken": str(start + size)} if start + size < len(known) else {}
        return {"MetricAlarms": [{"AlarmName": name} for name in known[start : start + size]]} | more

    def DeleteAlarms(self, params: dict) -> dict:
        if not 1 <= len(params["AlarmNames"]) <= 100:
            raise Refused("ValidationError", f"{len(params['AlarmNames'])} names")
        self.names = [name for name in self.names if name not in params["AlarmNames"]]
        return {}

    def PutMetricAlarm(self, params: dict) -> dict:
        self.names.append(params["AlarmName"])
        return {}

    def PutMetricData(self, params: dict) -> dict:
        return {}


@pytest.fixture
def strict(monkeypatch, settings):
    with json_aws(AlarmRules()) as running:
        running.client = clients_of(running.endpoint, monkeypatch=monkeypatch, settings=settings)["cloudwatch"]
        yield running


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (100, 1), (101, 2), (250, 3)])
def test_alarms_come_in_pages_of_a_hundred(strict, count, pages):
    strict.rules.names = [f"ai-finops/x/{number:03d}" for number in range(count)] + ["other"]
    found = find_alarms(strict.client, prefix="ai-finops/x/")
    assert [alarm["AlarmName"] for alarm in found] == strict.rules.names[:-1]
    assert strict.operations() == ["DescribeAlarms"] * pages


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (100, 1), (101, 2)])
def test_a_hundred_are_deleted_at_a_time(strict, count, calls):
    strict.rules.names = [str(number) for number in range(count)]
    delete_alarms(strict.client, list(strict.rules.names))
    assert (strict.rules.names, len(strict.operations())) == ([], calls)


ALARM = {
    "AlarmName": "ai-finops/AIFinOps/f/r",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
}
REFUSED = Refused("AccessDenied", status=403)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda client: find_alarms(client, prefix="p/"),
            r"cannot read CloudWatch alarms p/\*: .*allow cloudwatch:DescribeAlarms on",
        ),
        (
            lambda client: put_alarm(client, ALARM),
            r"cannot write CloudWatch alarm .*cloudwatch:PutMetricAlarm on arn:aws:cloudwatch:us-east-1:\*:alarm:ai-finops/\*",
        ),
        (
            lambda client: delete_alarms(client, ["a", "b"]),
            r"cannot delete CloudWatch alarm a and 1 more: .*allow cloudwatch:DeleteAlarms on",
        ),
    ],
)
def test_a_refusal_names_what_and_the_permission(strict, call, said):
    strict.faults = [REFUSED] * 2
    with pytest.raises(SourceForbidden, match=said):
        call(strict.client)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (Refused("LimitExceeded"), SourceError, r"quota is used up \(LimitExceeded\); raise it in Service Quotas"),
        (Refused("ThrottlingException"), SourceUnavailable, "ThrottlingException to every attempt; try again later"),
        (Refused("InternalServiceFault", status=500), SourceUnavailable, "InternalServiceFault to every attempt"),
        (CutOff(), SourceUnavailable, "AWS did not answer"),
        (Refused("ValidationError"), SourceError, "ValidationError; this is a defect"),
    ],
)
def test_faults_are_a_sentence(strict, fault, error, said):
    strict.faults = [fault] * 2
    with pytest.raises(error, match=rf"cannot write CloudWatch alarm ai-finops/AIFinOps/f/r: .*{said}"):
        put_alarm(strict.client, ALARM)


def test_throttling_is_tried_again(strict):
    strict.faults = [Refused("ThrottlingException")]
    put_alarm(strict.client, ALARM)
    assert strict.rules.names == [ALARM["AlarmName"]]


@pytest.mark.usefixtures("two_features")
def test_a_sync_that_breaks_off_is_finished_by_the_next(strict, publish, settings):
    publish(costs=((NEWEST_DAY, "support_chat", 8),))
    sync = {"settings": settings, "now": NOW, "clients": {"cloudwatch": strict.client}}
    strict.faults = [None, None, None, *[Refused("InternalServiceFault", status=500)] * 2]
    with pytest.raises(SourceUnavailable, match="support_chat/daily_cost_above_baseline: AWS answered Internal"):
        package.sync(**sync)
    assert strict.rules.names == ["ai-finops/AIFinOps/invoice_extraction/daily_cost_above_baseline"]
    strict.asked.clear()
    package.sync(**sync | {"settings": settings})
    assert strict.operations().count("PutMetricData") == 0
