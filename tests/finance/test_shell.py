"""`ai-finops finance` as a person types it."""

from __future__ import annotations

import pytest

from ai_finops import cli
from tests.finance.worked_month import CLOSED, WORKED


@pytest.fixture(autouse=True)
def _home(settings, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_HOME", str(settings.home))


def test_it_says_what_was_written_and_where(publish, capsys):
    publish(WORKED)
    assert cli.main(["finance", "--month", "2025-06"]) == 0
    assert capsys.readouterr().out.startswith(
        "2025-06: provisional, open: aws.bedrock, account 111122223333; aws.bedrock"
    )
    assert cli.main(["finance"]) == 0
    assert "$104.75 billed; unchanged: " in capsys.readouterr().out


def test_it_verifies(publish, settings, capsys):
    publish(CLOSED)
    cli.main(["finance"])
    capsys.readouterr()
    assert cli.main(["finance", "--month", "2025-06", "--verify"]) == 0
    assert "3 files are what was written" in capsys.readouterr().out
    path = settings.published / "finance" / "2025-06" / "v1" / "feature_costs.csv"
    path.chmod(0o644)
    path.write_text("mine")
    assert cli.main(["finance", "--month", "2025-06", "--verify"]) == 1
    assert f"ai-finops: {path} was changed; restore" in capsys.readouterr().err


def test_verify_needs_a_month(capsys):
    assert cli.main(["finance", "--verify"]) == 1
    assert "--verify needs the month: ai-finops finance --month 2025-06 --verify" in capsys.readouterr().err


def test_a_month_without_costs_is_one_sentence(publish, capsys):
    publish(WORKED)
    assert cli.main(["finance", "--month", "2024-01"]) == 1
    assert capsys.readouterr().err == "ai-finops: the published marts have no costs of 2024-01 (there are: 2025-06)\n"


def test_no_costs_at_all_are_told(publish, capsys):
    publish(WORKED.having(feature_costs=(), cells=(), charges=()))
    assert cli.main(["finance"]) == 0
    assert capsys.readouterr().out == "no month has costs yet\n"


@pytest.mark.parametrize("text", ["2025-6", "june", "2025-13", "2025-06-01", ""])
def test_what_is_no_month_is_not_understood(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["finance", "--month", text])
    assert f"{text!r} is not a month, YYYY-MM" in capsys.readouterr().err
