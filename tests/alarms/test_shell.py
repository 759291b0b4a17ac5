"""The verbs of a shell, the whole way over HTTP."""

from datetime import UTC, datetime

import pytest

from ai_finops import cli
from tests.alarms.alarm_evaluator import evaluating
from tests.alarms.conftest import NEWEST_DAY, TOPIC, alarms

NOON = datetime(2025, 6, 16, 12, 1, tzinfo=UTC)


@pytest.fixture
def shell(monkeypatch, settings, clients, two_features, publish):
    """Settings in the environment, marts that are published, and a way to run a verb."""
    publish(costs=((NEWEST_DAY, "support_chat", 8),), ratios=((NEWEST_DAY, "support_chat", 1.25),))
    env = {"HOME": settings.home, "DBT_PROJECT": settings.dbt_project, "ALARMS": "cloudwatch", "ALARM_ACTIONS": TOPIC}
    for name, text in env.items():
        monkeypatch.setenv(f"AI_FINOPS_{name}", str(text))
    return lambda *arguments: cli.main(["alarms", *arguments, "--as-of", "2025-06-16"])


def test_sync_check_and_test(shell, cloudwatch, capsys):
    assert shell("check") == 1
    assert "support_chat/daily_cost_above_baseline is not there" in capsys.readouterr().out
    assert shell("sync") == 0
    assert "alarms: 2 created, 0 updated, 0 deleted, 0 unchanged" in capsys.readouterr().out
    assert shell("check") == 0
    with evaluating(cloudwatch, now=NOON):
        assert shell("test", "--feature", "support_chat", "--timeout", "60") == 0
    out = capsys.readouterr().out
    assert "ai-finops/AIFinOps/support_chat/daily_cost_above_baseline: fired after" in out
    assert len(alarms(cloudwatch)) == 2


def test_a_trial_that_does_not_fire_and_one_of_nobody(shell, capsys):
    shell("sync")
    assert shell("test", "--feature", "support_chat", "--timeout", "0") == 1
    assert "did not fire: it says OK" in capsys.readouterr().out
    assert shell("test", "--feature", "nobody") == 1
    assert capsys.readouterr().err.startswith("ai-finops: feature nobody has no alarm in us-east-1")
