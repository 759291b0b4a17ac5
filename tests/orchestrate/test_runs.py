"""Which day a run is about."""

from datetime import date
from types import SimpleNamespace

import pytest

from ai_finops.errors import SettingsError
from ai_finops.orchestrate.runs import day_of_run, week_of_run


def context(partition_key=None, **params):
    run = SimpleNamespace(partition_key=partition_key, run_id="manual__1", dag_id="extract_traces")
    return {"dag_run": run, "params": params}


def test_day_is_the_partition_key():
    assert day_of_run(context("2025-06-15")) == date(2025, 6, 15)


def test_partition_key_wins_over_the_parameter():
    assert day_of_run(context("2025-06-15", day="2025-06-01")) == date(2025, 6, 15)


def test_day_parameter_counts_without_a_partition_key():
    assert day_of_run(context(day="2025-06-01")) == date(2025, 6, 1)


def test_no_day_names_the_run_and_what_to_type():
    with pytest.raises(SettingsError, match=r"manual__1 of extract_traces .* parameter day, written as YYYY-MM-DD"):
        day_of_run(context())


def test_unreadable_day_is_named():
    with pytest.raises(SettingsError, match="the run's day 'yesterday' is not a date"):
        day_of_run(context(day="yesterday"))


def test_week_is_read_from_airflows_week_key():
    assert week_of_run(context("2025-06-09 (W24)")) == date(2025, 6, 9)


@pytest.mark.parametrize(
    ("typed", "monday"), [("2025-06-09", "2025-06-09"), ("2025-06-15", "2025-06-09"), ("2025-06-16", "2025-06-16")]
)
def test_any_day_of_a_week_names_the_week(typed, monday):
    assert week_of_run(context(week=typed)) == date.fromisoformat(monday)


@pytest.mark.parametrize("week", [None, "", "W24"])
def test_no_week_or_an_unreadable_one_is_refused(week):
    with pytest.raises(SettingsError):
        week_of_run(context(week=week))
