"""Freshness, references, outliers and wrong units: both sides of each bound, on tables made by hand."""

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


def say(connection, sql):
    found = connection.execute(sql, {"as_of_date": AS_OF} if "$as_of_date" in sql else None).fetchall()
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
    assert (say(connection, freshness.ahead("m", period="usage_date")) is not None) is is_off


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
    connection.execute("create table marts.fct_daily_extract_outcomes (source varchar, landing_date date)")
    connection.execute(
        "insert into marts.fct_daily_extract_outcomes values ('traces', '2025-06-15'), ('billing', ?)",
        [date(2025, 6, landed)],
    )
    assert say(connection, freshness.late_sources()) == said


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
    return say(connection, distribution.outliers("marts.m", day="usage_date", cost="cost", smallest_cost_usd=10))


def test_a_cost_of_more_than_twenty_times_the_dearest_is_an_outlier(connection):
    assert costs(connection, 1, 2, 1, 40) is None
    assert costs(connection, 1, 2, 1, 40.1) == "2025-06-05: $40.10, at most $2.00 on the days before"
    assert costs(connection, 0.1, 0.1, 0.1, 9.9) is None  # not worth a word
    assert costs(connection, 0.1, 0.1, 0.1, 10) is not None
    assert costs(connection, 1, 2, 100) is None  # two days are no base


def wrong_unit(connection, *, billed, price, usage_date=date(2025, 6, 15), cost=10.0, difference=9.0):
    connection.execute(
        "create or replace table marts.fct_daily_price_differences as select ?::date as usage_date, 'm' as model_id, "
        "'output' as token_class, 'regional' as region_scope, 'on_demand' as processing, ?::double as billed_usd_per_unit, "
        "?::double as price_usd_per_unit, ?::double as billed_cost_usd, ?::double as difference_cost_usd",
        [usage_date, billed, price, cost, difference],
    )
    return say(connection, distribution.wrong_units())


def test_a_rate_fifty_times_the_price_is_a_wrong_unit(connection):
    assert wrong_unit(connection, billed=50, price=1) is None
    assert wrong_unit(connection, billed=50.1, price=1) == "2025-06-15 m output: billed $50.1 where the price is $1"
    assert wrong_unit(connection, billed=1, price=50) is None
    assert wrong_unit(connection, billed=1, price=50.1) is not None
    assert wrong_unit(connection, billed=100, price=0) is None  # no price, no unit
    # Less than a dollar on both sides, and what is four weeks ago.
    assert wrong_unit(connection, billed=100, price=1, cost=0.99, difference=0.9) is None
    assert wrong_unit(connection, billed=100, price=1, cost=1, difference=0.99) is not None
    assert wrong_unit(connection, billed=100, price=1, usage_date=date(2025, 5, 18)) is None
    assert wrong_unit(connection, billed=100, price=1, usage_date=date(2025, 5, 19)) is not None


def shifted(connection, *, now, before):
    """Calls of one feature by cost: `{cost: count}` of the newest day and of the one before."""
    connection.execute(
        "create or replace table marts.fct_llm_calls (usage_date date, feature_id varchar, estimated_cost_usd decimal(38, 12))"
    )
    for day, counts in ((date(2025, 6, 14), before), (date(2025, 6, 15), now)):
        for cost, count in counts.items():
            connection.execute("insert into marts.fct_llm_calls select ?, 'chat', ? from range(?)", [day, cost, count])
    return say(connection, distribution.shifted_call_costs())


def test_call_costs_that_moved_are_told_and_others_are_not(connection):
    even = {0.02: 200, 0.2: 200}
    assert shifted(connection, now=even, before=even) is None
    # Shares 0.5 and 0.5 before; 0.82 and 0.18 now: 0.32 ln 1.64 + 0.32 ln 2.78 = 0.158 + 0.327 = 0.485.
    assert shifted(connection, now={0.02: 328, 0.2: 72}, before=even) is None
    # 0.83 and 0.17: 0.33 ln 1.66 + 0.33 ln 2.94 = 0.167 + 0.356 = 0.523.
    assert shifted(connection, now={0.02: 332, 0.2: 68}, before=even) == "2025-06-15 chat: stability index 0.52"


def test_few_calls_have_no_shape(connection):
    assert shifted(connection, now={0.2: 199}, before={0.02: 200}) is None
    assert shifted(connection, now={0.2: 200}, before={0.02: 199}) is None
    assert shifted(connection, now={0.2: 200}, before={0.02: 200}) is not None


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
