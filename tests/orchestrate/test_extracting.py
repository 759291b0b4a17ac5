"""When daily runs stop."""

from datetime import UTC, datetime

import pytest

from ai_finops.errors import SettingsError
from ai_finops.orchestrate.extracting import last_run_date


def test_daily_runs_go_on_by_default(monkeypatch):
    monkeypatch.delenv("AI_FINOPS_LAST_DAY", raising=False)
    assert last_run_date() is None


def test_the_run_for_the_last_day_still_happens_the_morning_after(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_LAST_DAY", "2025-06-15")
    assert datetime(2025, 6, 16, 6, tzinfo=UTC) < last_run_date() < datetime(2025, 6, 17, tzinfo=UTC)


def test_an_unreadable_last_day_names_the_setting(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_LAST_DAY", "soon")
    with pytest.raises(SettingsError, match="AI_FINOPS_LAST_DAY 'soon'"):
        last_run_date()
