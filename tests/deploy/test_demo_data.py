"""The sample goes into a local AWS once, and into no real account."""

from datetime import UTC, datetime

import pytest

from ai_finops.config import Settings
from ai_finops.demo.deliver import DeliveryReport
from ai_finops.demo.local_aws import local_aws
from ai_finops.deploy import demo_data
from ai_finops.errors import SettingsError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with local_aws() as aws:
        yield aws


@pytest.fixture
def delivered(server, monkeypatch):
    """The deliveries that were made; that one is whole is tests/demo's and the long test's business."""
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    found = []

    def deliver(sample, *, first, last, **_):
        found.append((str(first), str(last)))
        return DeliveryReport(1, 2, 3, ("2026-03",), 4, 5)

    monkeypatch.setattr(demo_data, "deliver", deliver)
    return found


def settings(bucket):
    return Settings.from_env({"AI_FINOPS_TRACES_BUCKET": bucket, "AI_FINOPS_BILLING_BUCKET": f"{bucket}-bills"})


def test_it_ends_yesterday_and_comes_once(delivered):
    assert demo_data.fill(settings("once"), now=NOW).endswith("from 2026-02-16 to 2026-03-01")
    assert demo_data.fill(settings("once"), now=NOW) == "the sample is there already"
    assert delivered == [("2026-02-16", "2026-03-01")]


def test_half_a_sample_is_told(delivered, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_data, "deliver", fail)
    with pytest.raises(KeyboardInterrupt):
        demo_data.fill(settings("half"), now=NOW)
    with pytest.raises(SettingsError, match="holds a part of the sample"):
        demo_data.fill(settings("half"), now=NOW)


@pytest.mark.parametrize("endpoint", ["", None])
def test_a_real_account_gets_nothing(delivered, monkeypatch, capsys, endpoint):
    if endpoint is None:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert demo_data.main() == 1
    assert "would go into a real account" in capsys.readouterr().err
    assert delivered == []
