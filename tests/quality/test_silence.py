"""A day without anything: news where such days always had some, peace where they rest, and told for two weeks at most."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from ai_finops.quality.silence import ended, holes, silent_sources

MONDAY = date(2025, 6, 2)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create table marts.m (usage_date date)")
        connection.execute(
            "create table marts.fct_daily_extract_outcomes "
            "(source varchar, landing_date date, status varchar, loaded_count bigint)"
        )
        yield connection


def say(connection, sql, *, as_of):
    return connection.execute(sql, {"as_of_date": as_of}).fetchone()[0]


def fill(connection, week):
    """A row for each `x` of a calendar that begins on a Monday."""
    days = [MONDAY + timedelta(days=n) for n, mark in enumerate(week.replace(" ", "")) if mark == "x"]
    connection.executemany("insert into marts.m values (?)", [[day] for day in days])


ALWAYS, WORKDAYS = "xxxxxxx", "xxxxx.."


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (f"{WORKDAYS} .xx", "2025-06-09: no row, after 5 days of its kind in a row that had some"),
        (f"{WORKDAYS} x.x", "2025-06-10: no row, after 5 days of its kind in a row that had some"),
        (f"{WORKDAYS} .xxx", None),  # a day before the newest three
        (f"{WORKDAYS} {WORKDAYS} x", None),  # a weekend is no dropped feed
        ("xxxx... .xx", None),  # four workdays are no week
        ("x.x.x.. x.x.x", None),  # every other day
        (f"{ALWAYS} {ALWAYS} xxxxx.x", None),  # two weekends are four days
        (f"{ALWAYS} {ALWAYS} {ALWAYS} xxxxx.x", "2025-06-28: no row, after 5 days of its kind in a row that had some"),
    ],
)
def test_a_workday_between_others_without_a_row_is_told(connection, calendar, said):
    fill(connection, calendar)
    as_of = MONDAY + timedelta(days=len(calendar.replace(" ", "")))
    assert say(connection, holes("m", day="usage_date"), as_of=as_of) == said


def end(connection, as_of, *, is_news=True):
    return say(connection, ended("m", day="usage_date", is_news=is_news), as_of=as_of)


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (date(2025, 6, 7), None),  # Friday is there
        (date(2025, 6, 9), None),  # on Monday morning the weekend lies behind
        (date(2025, 6, 10), "nothing on 2025-06-09 nor since, the last is of 2025-06-06"),
        (date(2025, 6, 15), "nothing on 2025-06-09 nor since, the last is of 2025-06-06"),  # also after a Saturday
        (date(2025, 6, 23), "nothing on 2025-06-09 nor since, the last is of 2025-06-06"),
        (date(2025, 6, 24), None),
    ],
)
def test_what_stopped_is_told_from_the_first_workday_on_for_two_weeks(connection, as_of, said):
    fill(connection, WORKDAYS)
    assert end(connection, as_of) == said
    assert (end(connection, as_of, is_news=False) is not None) is (as_of == date(2025, 6, 24))


def test_a_build_of_an_older_date_is_not_stale(connection):
    fill(connection, f"{WORKDAYS} {WORKDAYS}")
    assert end(connection, date(2025, 6, 7)) is None
    assert end(connection, date(2025, 6, 14)) is None


def test_a_mart_without_rows_has_not_stopped(connection):
    assert end(connection, date(2025, 6, 10)) is None
    assert say(connection, holes("m", day="usage_date"), as_of=date(2025, 6, 10)) is None


def land(connection, source, calendar):
    """`x` brought records, `.` was empty, `f` failed, and a blank was never landed."""
    status = {"x": "loaded", ".": "empty", "f": "failed"}
    rows = [
        (source, MONDAY + timedelta(days=n), status[mark], 3 if mark == "x" else 0)
        for n, mark in enumerate(calendar)
        if mark != " "
    ]
    connection.executemany("insert into marts.fct_daily_extract_outcomes values (?, ?, ?, ?)", rows)


def silent(connection, as_of, **how):
    return say(connection, silent_sources(**how), as_of=as_of)


@pytest.mark.parametrize(
    ("calendar", "first_day"),
    [
        ("xxxxx...", "2025-06-09"),  # delivers on workdays alone, and one is empty
        ("xxxxxxx.", "2025-06-09"),
        ("xxxxx..f.", "2025-06-10"),  # what failed is told of elsewhere
        ("xxxxx..x", None),
        ("xxxxx..", None),
        ("xxxx....", None),
        ("x.x.x..x.x.", None),
        ("........", None),
    ],
)
def test_a_source_that_is_empty_on_a_workday_is_told(connection, calendar, first_day):
    land(connection, "billing", calendar)
    land(connection, "traces", "x" * len(calendar))
    last = {"2025-06-10": "2025-06-06"}.get(first_day) or ("2025-06-08" if "xxxxxxx" in calendar else "2025-06-06")
    said = first_day and f"billing: nothing on {first_day} nor since, the last is of {last}"
    assert silent(connection, MONDAY + timedelta(days=len(calendar))) == said


def test_a_source_that_is_asked_for_nothing_is_told_of_for_two_weeks(connection):
    land(connection, "billing", "xxxxx" + "." * 30)
    assert silent(connection, date(2025, 6, 23)) is not None
    assert silent(connection, date(2025, 6, 24)) is None
    assert silent(connection, date(2025, 6, 24), is_news=False) == (
        "billing: nothing on 2025-06-09 nor since, the last is of 2025-06-06"
    )
    assert silent(connection, date(2025, 6, 23), is_news=False) is None
