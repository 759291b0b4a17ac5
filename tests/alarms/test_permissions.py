"""What alarms ask of AWS is what their policy allows, and the page says so."""

from fnmatch import fnmatchcase

import pytest

from ai_finops import alarms as package
from ai_finops.alarms import cloudwatch as calls
from ai_finops.alarms import permissions
from ai_finops.config import REPOSITORY
from tests.alarms.conftest import NEWEST_DAY, NOW

RENEW = (
    "put what `.venv/bin/python -c 'from ai_finops.alarms import permissions; print(permissions.section())'` prints between "
    "the markers"
)


def test_the_page_says_what_the_code_says():
    text = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    assert permissions.section() in text, f"docs/security.md is not what the code says: {RENEW}"
    assert text.count(permissions.BEGIN) == text.count(permissions.END) == 1


@pytest.fixture
def asked(cloudwatch) -> set[tuple[str, str]]:
    """What is called, as IAM sees it: action and resource."""
    found: set[tuple[str, str]] = set()

    def note(params, model, **_) -> None:
        names = [params["AlarmName"]] if "AlarmName" in params else params.get("AlarmNames", [])
        arns = [f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}" for name in names]
        found.update((f"cloudwatch:{model.name}", arn) for arn in arns or ["*"])

    cloudwatch.meta.events.register_first("provide-client-params.cloudwatch", note)
    return found


@pytest.mark.usefixtures("two_features")
def test_nothing_is_called_that_is_not_allowed_and_nothing_allowed_that_is_not_called(
    publish, settings, clients, asked, edit
):
    publish(costs=((NEWEST_DAY, "support_chat", 8),))
    package.sync(settings=settings, now=NOW, clients=clients)
    package.check(settings=settings, now=NOW, clients=clients)
    edit("features", lambda row: row["feature_id"] == "invoice_extraction", last_date="2025-06-01")
    package.sync(settings=settings, now=NOW, clients=clients)
    package.try_alarms(
        "support_chat", settings=settings, now=NOW, clients=clients, timeout_seconds=0.0, poll_seconds=0.0
    )
    allowed = {(action, resource.format(aws_region="us-east-1")) for action, resource in calls.PERMISSIONS}
    refused = {
        call for call in asked if not any(call[0] == each[0] and fnmatchcase(call[1], each[1]) for each in allowed)
    }
    assert refused == set()
    assert {action for action, _ in allowed} == {action for action, _ in asked}
