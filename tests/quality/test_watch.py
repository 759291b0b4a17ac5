"""Freshness, references and outliers: both sides of each bound, on tables made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from ai_finops.quality import distribution, freshness, quarantine
from ai_finops.quality.contracts import contract_types
from ai_finops.quality.references import Reference, orphans
from ai_finops.quality.watch import Watched, watch

AS_OF = date(2025, 6, 16)
MONDAY = date(2025, 6, 2)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema raw")
        connection.execute("create table raw.closed_periods (usage_month date, is_frozen boolean)")
        yield connection


def say(connection, sql, *, as_of=AS_OF):
    found = connection.execute(sql, {"as_of_date": as_of} if "$as_of_date" in sql else None).fetchall()
    return found[0][0] if found else None


def days(connection, mart, *dates):
    connection.execute(f"create or replace table marts.{mart} (usage_date date)")
    connection.executemany(f"insert into marts.{mart} values (?)", [[day] for day in dates] or [[None]])


def behind(connection, *, unit="day"):
    return say(
        connection,
        freshness.behind("m", period="usage_date", unit=unit, followed="f", followed_column="usage_date"),
    )


def test_a_mart_reaches_as_far_as_what_it_follows(connection):
    days(connection, "f", MONDAY, MONDAY + timedelta(days=1))
    days(connection, "m", MONDAY)
    assert behind(connection) == "ends with 2025-06-02, f with 2025-06-03"
    days(connection, "m", MONDAY + timedelta(days=1))
    assert behind(connection) is None


def test_a_mart_of_weeks_reaches_as_far_as_the_week(connection):
    days(connection, "f", date(2025, 6, 8))
    days(connection, "m", MONDAY)
    assert behind(connection, unit="week") is None
    days(connection, "f", date(2025, 6, 9))
    assert behind(connection, unit="week") == "ends with 2025-06-02, f with 2025-06-09"


def test_an_empty_mart_is_behind_and_one_of_nothing_is_not(connection):
    days(connection, "f", MONDAY)
    days(connection, "m")
    assert behind(connection) == "no day at all, f has 2025-06-02"
    days(connection, "f")
    assert behind(connection) is None


@pytest.mark.parametrize(("newest", "is_off"), [(date(2025, 6, 15), False), (date(2025, 6, 16), True)])
def test_the_day_of_the_build_is_the_future(connection, newest, is_off):
    days(connection, "m", MONDAY, newest)
    assert (say(connection, freshness.ahead("marts.m", period="usage_date")) is not None) is is_off


@pytest.mark.parametrize(("newest", "is_off"), [(15, True), (16, False), (17, True)])
def test_what_is_issued_is_of_the_build(connection, newest, is_off):
    days(connection, "m", MONDAY, date(2025, 6, newest))
    assert (say(connection, freshness.not_of_the_build("m", period="usage_date")) is not None) is is_off


def test_days_between_are_lost_unless_their_month_is_closed(connection):
    days(connection, "f", *(MONDAY + timedelta(days=n) for n in range(-1, 5)))
    days(connection, "m", MONDAY, date(2025, 6, 4))
    sql = freshness.lost_periods("m", period="usage_date", unit="day", followed="f", followed_column="usage_date")
    assert say(connection, sql) == "2025-06-03"  # before its first and after its last are other rules' business
    connection.execute("insert into raw.closed_periods values ('2025-06-01', false)")
    assert say(connection, sql) == "2025-06-03"
    connection.execute("update raw.closed_periods set is_frozen = true")
    assert say(connection, sql) is None


@pytest.mark.parametrize(
    ("landed", "said"), [(14, None), (13, "billing last ended on 2025-06-13, 3 days before the build")]
)
def test_a_source_may_be_a_day_late(connection, landed, said):
    landings(connection, date(2025, 6, landed))
    assert say(connection, freshness.late_sources()) == said
    assert say(connection, freshness.gone_sources()) is None


def landings(connection, *dates):
    connection.execute("create table marts.fct_daily_extract_outcomes (source varchar, landing_date date)")
    connection.execute("insert into marts.fct_daily_extract_outcomes values ('traces', '2025-06-15')")
    connection.executemany(
        "insert into marts.fct_daily_extract_outcomes values ('billing', ?)", [[day] for day in dates]
    )


def test_a_source_that_is_switched_off_is_warned_of_for_two_weeks_and_then_said(connection):
    landings(connection, date(2025, 6, 2))
    assert say(connection, freshness.late_sources()) == "billing last ended on 2025-06-02, 14 days before the build"
    assert say(connection, freshness.gone_sources()) is None
    tomorrow = date(2025, 6, 17)
    connection.execute("insert into marts.fct_daily_extract_outcomes values ('traces', '2025-06-16')")
    assert say(connection, freshness.late_sources(), as_of=tomorrow) is None
    gone = say(connection, freshness.gone_sources(), as_of=tomorrow)
    assert gone == "billing last ended on 2025-06-02, 15 days before the build"


def test_an_attempt_at_a_day_to_come_makes_no_source_punctual(connection):
    landings(connection, date(2025, 6, 10), date(2052, 6, 2))
    assert say(connection, freshness.late_sources()) == "billing last ended on 2025-06-10, 6 days before the build"


def test_names_that_are_nowhere_are_said_in_order_and_null_is_none(connection):
    connection.execute("create table marts.m as select unnest(['b', 'a', 'a', null, 'there']) as name")
    reference = Reference("name", "select 'there'", "It is there.")
    assert say(connection, orphans("m", reference)) == "a, b"
    assert say(connection, orphans("m", Reference("name", "select 'there'", "Why.", where="name = 'there'"))) is None


def costs(connection, *values):
    connection.execute("create or replace table marts.m (usage_date date, cost double)")
    connection.executemany(
        "insert into marts.m values (?, ?)", [(MONDAY + timedelta(days=n), value) for n, value in enumerate(values)]
    )
    sql = distribution.outliers("marts.m", day="usage_date", cost="cost", smallest_cost_usd=10)
    return say(connection, sql, as_of=MONDAY + timedelta(days=len(values)))


def test_a_cost_of_more_than_twenty_times_the_dearest_is_an_outlier(connection):
    assert costs(connection, 1, 2, 1, 40) is None
    assert costs(connection, 1, 2, 1, 40.1) == "2025-06-05: $40.10, at most $2.00 on the days before"
    assert costs(connection, 0.1, 0.1, 0.1, 9.9) is None  # not worth a word
    assert costs(connection, 0.1, 0.1, 0.1, 10) is not None
    assert costs(connection, 1, 2, 100) is None  # two days are no base


CALLS = "create or replace table marts.fct_llm_calls (usage_date date, feature_id varchar, estimated_cost_usd decimal(38, 12))"


def shifted(connection, *, now, before, base_day_count=3):
    """Calls of one feature by cost: `{cost: count}` of a Thursday, and of the workdays before it together."""
    connection.execute(CALLS)
    for day, counts, day_count in ((date(2025, 6, 12), now, 1), (date(2025, 6, 11), before, base_day_count)):
        for cost, count in counts.items():
            connection.execute(
                "insert into marts.fct_llm_calls select ?::date - (n % ?)::integer, 'chat', ? from range(?) as r(n)",
                [day, day_count, cost, count],
            )
    return say(connection, distribution.shifted_call_costs())


def test_call_costs_that_moved_are_told_and_others_are_not(connection):
    even = {0.02: 200, 0.2: 200}
    assert shifted(connection, now=even, before=even) is None
    # Shares 0.5 and 0.5 before; 0.82 and 0.18 now: 0.32 ln 1.64 + 0.32 ln 2.78 = 0.158 + 0.327 = 0.485.
    assert shifted(connection, now={0.02: 328, 0.2: 72}, before=even) is None
    # 0.83 and 0.17: 0.33 ln 1.66 + 0.33 ln 2.94 = 0.167 + 0.356 = 0.523.
    assert shifted(connection, now={0.02: 332, 0.2: 68}, before=even) == "2025-06-12 chat: stability index 0.52"


def test_a_shape_of_more_than_a_week_ago_is_told_of_no_more(connection):
    assert shifted(connection, now={0.2: 400}, before={0.02: 400}) is not None
    sql = distribution.shifted_call_costs()
    assert say(connection, sql, as_of=date(2025, 6, 19)) is not None
    assert say(connection, sql, as_of=date(2025, 6, 20)) is None


def test_few_calls_have_no_shape(connection):
    assert shifted(connection, now={0.2: 199}, before={0.02: 200}) is None
    assert shifted(connection, now={0.2: 200}, before={0.02: 199}) is None
    assert shifted(connection, now={0.2: 200}, before={0.02: 200}) is not None


def test_a_shape_needs_three_days_of_its_kind(connection):
    assert shifted(connection, now={0.2: 200}, before={0.02: 300}, base_day_count=2) is None
    assert shifted(connection, now={0.2: 200}, before={0.02: 300}, base_day_count=3) is not None


def shifted_mornings(connection, costs_by_day):
    """Numbers of the days on whose next morning a shift is told, of days from a Monday on: `{cost: count}` or none."""
    connection.execute(CALLS)
    told = []
    for number, costs in enumerate(costs_by_day):
        day = MONDAY + timedelta(days=number)
        for cost, count in costs.items():
            connection.execute("insert into marts.fct_llm_calls select ?, 'chat', ? from range(?)", [day, cost, count])
        if say(connection, distribution.shifted_call_costs(), as_of=day + timedelta(days=1)):
            told.append(number)
    return told


def test_batch_work_at_weekends_is_no_shift(connection):
    assert shifted_mornings(connection, [*[{0.2: 200}] * 5, *[{0.02: 300}] * 2] * 5) == []


@pytest.mark.parametrize("first", [28, 31, 33])
def test_a_change_of_model_that_stays_is_told_three_times(connection, first):
    days = [*[{0.2: 200}] * first, *[{0.02: 200}] * 30]
    assert shifted_mornings(connection, days) == [first, first + 1, first + 2]


def test_a_shift_after_two_quiet_weeks_is_news(connection):
    # Four weeks until the days before are like it, and two.
    days = [*[{0.2: 200}] * 14, *[{0.02: 200}] * 42, *[{0.2: 200}] * 4]
    assert shifted_mornings(connection, days) == [14, 15, 16, 56, 57, 58]


@pytest.mark.parametrize(
    ("read", "quarantined", "is_off"), [(100, 5, False), (99, 5, True), (4, 4, False), (5, 5, True)]
)
def test_a_twentieth_in_quarantine_is_told_and_a_handful_is_not(connection, read, quarantined, is_off):
    connection.execute(
        "create table marts.fct_daily_extract_outcomes as select date '2025-06-15' as landing_date, 'traces' as source, "
        f"{read} as read_count, {quarantined} as quarantined_count"
    )
    assert (say(connection, quarantine.quarantined_share_off()) is not None) is is_off


def test_contracts_are_read_as_duckdb_says_them():
    types = contract_types()["fct_llm_calls"]
    assert types["call_id"] == "VARCHAR"
    assert types["estimated_cost_usd"] == "DECIMAL(38,12)"
    assert types["started_at"] == "TIMESTAMP"


def test_another_type_than_the_contract_is_said_with_both(connection):
    connection.execute("create table marts.rpt_sprints (decision_count double, sprint_end_date date)")
    found = say(connection, watch("rpt_sprints", Watched()).sql)
    assert found == "decision_count is DOUBLE, not BIGINT"
