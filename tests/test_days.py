"""Calendar arithmetic, on both sides of each boundary."""

from datetime import date

import pytest

from ai_finops import days
from ai_finops.errors import SettingsError


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        ("2025-06-08", "2025-06-02"),
        ("2025-06-09", "2025-06-09"),
        ("2025-06-15", "2025-06-09"),
        ("2025-01-01", "2024-12-30"),
    ],
)
def test_week_starts_on_monday(day, monday):
    assert days.week_start(date.fromisoformat(day)) == date.fromisoformat(monday)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2025-06-01", "2025-06-30"),
        ("2025-02-28", "2025-02-28"),
        ("2024-02-01", "2024-02-29"),
        ("2025-12-31", "2025-12-31"),
    ],
)
def test_month_end(day, last):
    assert days.month_end(date.fromisoformat(day)) == date.fromisoformat(last)


def test_days_between_holds_both_ends():
    assert list(days.days_between(date(2025, 6, 30), date(2025, 7, 1))) == [date(2025, 6, 30), date(2025, 7, 1)]


def test_days_between_is_empty_when_backwards():
    assert list(days.days_between(date(2025, 7, 1), date(2025, 6, 30))) == []


def test_the_clock_of_a_day_is_the_morning_after():
    assert days.morning_after(date(2025, 6, 30)) == date(2025, 7, 1)


@pytest.mark.parametrize("text", ["2025-06-31", "yesterday", "", None])
def test_an_unreadable_day_is_named(text):
    with pytest.raises(SettingsError, match="is not a date; write it as YYYY-MM-DD"):
        days.parse_day(text)
