"""A day against its trailing days: both sides of each bound, and what of a live business is no fault."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from ai_finops.quality.trailing import no_base, off_the_median, off_the_previous, renamed

MONDAY = date(2025, 6, 2)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create table t (day date, what varchar, value double)")
        yield connection


def fill(connection, values, *, what="chat", first=MONDAY):
    """One row a day from a Monday on; None leaves a day out."""
    rows = [(first + timedelta(days=n), what, value) for n, value in enumerate(values) if value is not None]
    connection.executemany("insert into t values (?, ?, ?)", rows)


def say(connection, sql, *, as_of=None):
    """Ask with the build's date, the morning after the newest day if it is not given; None where all is well."""
    as_of = as_of or connection.execute("select max(day) + 1 from t").fetchone()[0]
    found = connection.execute(sql, {"as_of_date": as_of}).fetchall()
    return found[0][0] if found else None


def off(connection, *, smallest=10, as_of=None, **bounds):
    sql = off_the_median("t", day="day", name="USD", value="sum(value)", by="what", smallest=smallest, **bounds)
    return say(connection, sql, as_of=as_of)


WEEK = [100, 100, 100, 100, 100, 20, 20]


@pytest.mark.parametrize(
    ("last", "is_off"),
    [(100, False), (20, False), (19.9, True), (500, False), (500.1, True), (0, True)],
)
def test_both_bounds_are_still_in_order(connection, last, is_off):
    fill(connection, [*WEEK, last])
    assert (off(connection) is not None) is is_off


def test_the_sentence_names_day_value_and_base(connection):
    fill(connection, [*WEEK, 600])
    assert off(connection) == "2025-06-09 chat: 600 USD, median of 5 days before 100"


def test_a_quiet_weekend_is_like_other_weekends(connection):
    # A tenth of a workday: its own kind of day decides.
    fill(connection, [100, 100, 100, 100, 100, 10, 10] * 2 + [100, 100, 100, 100, 100, 10, 10])
    assert off(connection) is None


def test_a_weekend_as_busy_as_a_workday_is_off(connection):
    fill(connection, [100, 100, 100, 100, 100, 10, 10] * 2 + [100, 100, 100, 100, 100, 100, 10])
    assert off(connection) == "2025-06-21 chat: 100 USD, median of 4 days before 10"


@pytest.mark.parametrize(("days", "is_judged"), [([100, 100, 900], False), ([100, 100, 100, 900], True)])
def test_three_days_are_a_base(connection, days, is_judged):
    fill(connection, days)
    assert (off(connection) is not None) is is_judged


def test_what_has_no_base_says_so(connection):
    fill(connection, [100, 100])
    assert say(connection, no_base("t", day="day")) == (
        "2025-06-02: 0 of 3 days of its kind; 2025-06-03: 1 of 3 days of its kind"
    )


def test_days_with_a_base_say_nothing(connection):
    fill(connection, [*WEEK[:5]])
    assert say(connection, no_base("t", day="day")) == "2025-06-04: 2 of 3 days of its kind"
    fill(connection, [100], first=MONDAY + timedelta(days=7))
    assert say(connection, no_base("t", day="day")) is None


def test_a_new_feature_is_judged_by_nothing(connection):
    fill(connection, [*WEEK, 100])
    fill(connection, [5000], what="launched", first=MONDAY + timedelta(days=7))
    assert off(connection) is None


@pytest.mark.parametrize(("smallest", "is_off"), [(60, True), (60.1, False)])
def test_small_numbers_say_nothing(connection, smallest, is_off):
    # A small deployment: ten a day, then sixty.
    fill(connection, [10, 10, 10, 10, 60])
    assert (off(connection, smallest=smallest) is not None) is is_off


@pytest.mark.parametrize(("age_days", "is_off"), [(2, True), (3, False)])
def test_a_day_is_judged_while_it_is_landed_again(connection, age_days, is_off):
    fill(connection, [100, 100, 100, 600, *[100] * age_days], first=date(2025, 6, 2))
    assert (off(connection) is not None) is is_off


@pytest.mark.parametrize(("age_days", "is_off"), [(1, True), (7, True), (8, False)])
def test_what_stopped_on_an_odd_day_is_told_of_for_a_week(connection, age_days, is_off):
    # A bill may be days late, so that the newest day of a table is not the day before the build.
    fill(connection, [100, 100, 100, 600])
    newest = MONDAY + timedelta(days=3)
    assert (off(connection, as_of=newest + timedelta(days=age_days)) is not None) is is_off


def test_a_day_that_the_build_has_not_reached_moves_no_window(connection):
    fill(connection, [100, 100, 100, 600])
    fill(connection, [100], what="mistyped", first=date(2052, 6, 2))
    assert off(connection, as_of=MONDAY + timedelta(days=4)) is not None


@pytest.mark.parametrize(("gap_days", "is_judged"), [(26, True), (27, False)])
def test_days_older_than_four_weeks_are_no_base(connection, gap_days, is_judged):
    # Monday to Wednesday, and then a day so many days after the Wednesday.
    fill(connection, [100, 100, 100])
    fill(connection, [600], first=MONDAY + timedelta(days=2 + gap_days))
    assert (off(connection) is not None) is is_judged


def told_days(connection, *, builds=30, **bounds):
    """Days after the change on whose morning something is said, the first of so many builds."""
    connection.execute("create or replace table whole as from t")
    first = connection.execute("select max(day) - ? from whole", [builds - 1]).fetchone()[0]
    told = []
    for number in range(builds):
        day = first + timedelta(days=number)
        connection.execute("create or replace table t as from whole where day <= ?", [day])
        if off(connection, **bounds):
            told.append(number)
    return told


BEFORE, AFTER = [100, 100, 100, 100, 100, 20, 20], [1000, 1000, 1000, 1000, 1000, 200, 200]


@pytest.mark.parametrize("changed_on", range(7))
@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (AFTER, BEFORE)])
def test_a_level_that_changes_and_stays_is_told_three_times(connection, before, after, changed_on):
    days = [*before * 4, *before[:changed_on], *after[changed_on:], *after * 5]
    fill(connection, days[: 28 + changed_on + 30])
    assert told_days(connection) == [0, 1, 2]


def test_a_workday_level_that_changes_is_told_three_times_where_weekends_rest(connection):
    workdays = [1000, 1000, 1000, 1000, 1000, 20, 20]
    fill(connection, [*BEFORE * 4, *workdays * 4, 1000, 1000])
    assert told_days(connection) == [0, 1, 2]


def test_a_level_that_changes_back_is_told_of_again(connection):
    # Friday is as before; the Monday after it is off again.
    fill(connection, [*BEFORE * 4, 1000, 1000, 1000, 1000, 100, 20, 20, 1000, 1000, 1000])
    assert told_days(connection, builds=10) == [0, 1, 2, 7, 8, 9]


def test_a_day_that_is_off_the_other_way_is_news(connection):
    fill(connection, [100, 100, 100, 600, 10])
    assert off(connection) == (
        "2025-06-05 chat: 600 USD, median of 3 days before 100; 2025-06-06 chat: 10 USD, median of 4 days before 100"
    )


def renaming(connection):
    return say(connection, renamed("t", day="day", name_column="what", name="feature"))


def rows(connection, day_number, **counts):
    for what, count in counts.items():
        connection.execute(
            "insert into t select ?, ?, 1 from range(?)", [MONDAY + timedelta(days=day_number), what, count]
        )


def test_a_name_that_goes_as_another_comes_is_a_renaming(connection):
    for number in range(4):
        rows(connection, number, chat=60, search=40)
    rows(connection, 4, chat=60, find=40)
    assert renaming(connection) == (
        "2025-06-06: 40 % under a feature not seen before, and features of 40 % of the days before are gone"
    )


@pytest.mark.parametrize(
    "last",
    [
        {"chat": 60, "search": 40, "find": 40},  # a launch
        {"chat": 60},  # a feature at rest
        {"chat": 92, "find": 8},  # 8 % of a day is too little to say
    ],
)
def test_a_launch_and_a_rest_are_no_renaming(connection, last):
    for number in range(4):
        rows(connection, number, chat=60, search=40)
    rows(connection, 4, **last)
    assert renaming(connection) is None


@pytest.mark.parametrize(("count", "is_told"), [(19, False), (20, True)])
def test_a_small_deployment_may_rename_unseen(connection, count, is_told):
    for number in range(4):
        rows(connection, number, chat=count)
    rows(connection, 4, talk=count)
    assert (renaming(connection) is not None) is is_told


@pytest.mark.parametrize(("share", "is_told"), [(10, True), (9, False)])
def test_a_tenth_is_a_renaming(connection, share, is_told):
    for number in range(4):
        rows(connection, number, chat=100 - share, search=share)
    rows(connection, 4, chat=100 - share, find=share)
    assert (renaming(connection) is not None) is is_told


@pytest.mark.parametrize(("newest", "is_off"), [(50, False), (49.9, True), (200, False), (200.1, True)])
def test_a_figure_against_the_one_before(connection, newest, is_off):
    fill(connection, [1, 100, newest])
    sql = off_the_previous("t", day="day", value="sum(value)", smallest=10, low=0.5, high=2)
    assert (say(connection, sql, as_of=date(2025, 6, 4)) is not None) is is_off
    # Two figures of the past are compared no more.
    assert say(connection, sql, as_of=date(2025, 6, 5)) is None


def test_a_first_figure_has_none_before(connection):
    fill(connection, [100])
    sql = off_the_previous("t", day="day", value="sum(value)", smallest=10, low=0.5, high=2)
    assert say(connection, sql, as_of=MONDAY) is None
