"""When a week's message is due, from UTC-11 to UTC+14, in summer and in winter."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.sdk import CronTriggerTimetable
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import TimeRestriction

from ai_finops.due import PUBLISHED_BY_UTC, deadline_of, deadline_schedule, due_week

WEEK = date(2025, 6, 9)
WEEK_BEFORE = date(2025, 6, 2)
OF_UTC = {hours: f"Etc/GMT{-hours:+d}" for hours in range(-11, 15)}
"""The names of these zones count west of Greenwich as positive."""


@pytest.mark.parametrize("hours", OF_UTC)
def test_due_at_ten_or_once_the_week_can_be_there_and_always_on_monday(hours):
    due = deadline_of(WEEK, timezone=OF_UTC[hours])
    assert due == datetime(2025, 6, 16, 10 - hours if hours <= 3 else 7, tzinfo=UTC)
    assert due.time() >= PUBLISHED_BY_UTC
    assert due.astimezone(ZoneInfo(OF_UTC[hours])).date() == date(2025, 6, 16)
    assert due_week(due, timezone=OF_UTC[hours]) == WEEK
    assert due_week(due - timedelta(seconds=1), timezone=OF_UTC[hours]) == WEEK_BEFORE
    assert due_week(due + timedelta(days=7, seconds=-1), timezone=OF_UTC[hours]) == WEEK


ZONES = [
    "UTC",
    "Pacific/Pago_Pago",  # UTC-11
    "America/Los_Angeles",
    "Europe/Berlin",
    "Europe/Helsinki",  # UTC+3 in summer
    "Europe/Istanbul",  # UTC+3
    "Asia/Tehran",  # UTC+3:30
    "Asia/Dubai",  # UTC+4
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # summer time of half an hour
    "Pacific/Auckland",
    "Pacific/Kiritimati",  # UTC+14
]


@pytest.mark.parametrize("month", [1, 7])
@pytest.mark.parametrize("zone", ZONES)
def test_the_check_runs_on_monday_when_the_week_before_is_due(zone, month):
    cron, timezone = deadline_schedule(zone)
    timetable = decode_timetable(encode_timetable(CronTriggerTimetable(cron, timezone=timezone)))
    first = TimeRestriction(earliest=pendulum.datetime(2026, month, 1, tz="UTC"), latest=None, catchup=True)
    runs_at = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=first).run_after
    monday = runs_at.astimezone(ZoneInfo(zone)).date()
    assert monday.weekday() == 0
    assert due_week(runs_at, timezone=zone) == monday - timedelta(days=7)
    assert runs_at == deadline_of(monday - timedelta(days=7), timezone=zone)


@pytest.mark.parametrize(
    ("zone", "schedule"),
    [
        ("UTC", ("0 10 * * 1", "UTC")),
        ("Europe/Berlin", ("0 10 * * 1", "Europe/Berlin")),
        ("Europe/Istanbul", ("0 10 * * 1", "Europe/Istanbul")),
        ("Asia/Dubai", ("0 7 * * 1", "UTC")),
    ],
)
def test_east_of_three_hours_the_check_goes_by_utc(zone, schedule):
    assert deadline_schedule(zone) == schedule
