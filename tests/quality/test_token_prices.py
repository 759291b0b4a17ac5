"""Rates and prices of a token: both sides of each bound, and what is free, cheap or without a price stops nothing."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from ai_finops.quality.token_prices import far_below_price, token_price_off, wrong_units

AS_OF = date(2025, 6, 16)
NEWEST = date(2025, 6, 15)


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_daily_price_differences (usage_date date, provider_name varchar, "
            "billing_account_id varchar, model_id varchar, token_class varchar, region_scope varchar, processing varchar, "
            "billed_usd_per_unit double, price_usd_per_unit double, billed_cost_usd double, difference_cost_usd double)"
        )
        connection.execute(
            "create table marts.fct_daily_allocated_costs (usage_date date, charge_category varchar, model_id varchar, "
            "input_tokens bigint, output_tokens bigint, unknown_cost_tokens bigint, estimated_cost_usd decimal(18, 6), "
            "allocated_cost_usd decimal(18, 6))"
        )
        yield connection


def say(connection, sql):
    return connection.execute(sql, {"as_of_date": AS_OF}).fetchone()[0]


def cell(connection, *, billed, price, usage_date=NEWEST, cost=10.0, difference=9.0, model="m"):
    connection.execute(
        "insert into marts.fct_daily_price_differences values (?, 'p', 'a', ?, 'output', 'regional', 'on_demand', ?, ?, ?, ?)",
        [usage_date, model, billed, price, cost, difference],
    )


def found(connection, **of_cell):
    """What both rules say of one cell of the bill."""
    connection.execute("delete from marts.fct_daily_price_differences")
    cell(connection, **of_cell)
    return say(connection, wrong_units()), say(connection, far_below_price())


def test_a_rate_fifty_times_the_price_is_a_wrong_unit(connection):
    assert found(connection, billed=50, price=1) == (None, None)
    said = "2025-06-15 m output: billed $50.1 where the price is $1"
    assert found(connection, billed=50.1, price=1) == (said, None)
    # Less than a dollar on both sides, and what is four weeks ago.
    assert found(connection, billed=100, price=1, cost=0.99, difference=0.9) == (None, None)
    assert found(connection, billed=100, price=1, cost=1, difference=0.99)[0] is not None
    assert found(connection, billed=100, price=1, usage_date=date(2025, 5, 18)) == (None, None)
    assert found(connection, billed=100, price=1, usage_date=date(2025, 5, 19))[0] is not None


def test_a_rate_of_a_fiftieth_of_the_price_is_told_and_stops_nothing(connection):
    assert found(connection, billed=1, price=50) == (None, None)
    said = "2025-06-15 m output: billed $1 where the price is $50.1"
    assert found(connection, billed=1, price=50.1) == (None, said)


@pytest.mark.parametrize(
    ("billed", "price", "cost", "difference"),
    [
        (0, 15, 0.0, -100.0),  # a free tier, or a credit that cancels the line
        (-0.001, 15, -0.5, -100.5),  # a credit of more than the line
        (100, 0, 10.0, 10.0),  # a model that the table has as free
        (100, None, 10.0, None),  # no price at all
    ],
)
def test_what_costs_nothing_has_no_unit_to_be_wrong(connection, billed, price, cost, difference):
    assert found(connection, billed=billed, price=price, cost=cost, difference=difference) == (None, None)


@pytest.mark.parametrize(
    ("earlier", "model", "is_told"),
    [
        (date(2025, 6, 12), "m", False),  # the newest three days are the 13th to the 15th
        (date(2025, 6, 13), "m", True),
        (date(2025, 6, 12), "n", True),
        (date(2025, 5, 18), "m", True),
    ],
)
def test_a_rate_that_stays_low_is_told_of_for_three_days(connection, earlier, model, is_told):
    cell(connection, billed=0.1, price=15, usage_date=earlier, model=model)
    cell(connection, billed=0.1, price=15)
    assert (say(connection, far_below_price()) is not None) is is_told


def fill(connection, costs, *, listed=None, tokens=1_000_000, unknown=0):
    """A row of model `m` for each workday up to Friday the 13th; `costs` and `listed` are USD of a million tokens."""
    connection.execute("delete from marts.fct_daily_allocated_costs")
    workdays = [NEWEST - timedelta(days=n) for n in range(40) if (NEWEST - timedelta(days=n)).isoweekday() < 6]
    days = list(reversed(workdays[: len(costs)]))
    listed = listed or [None] * len(costs)
    counts = tokens if isinstance(tokens, list) else [tokens] * len(costs)
    rows = [
        (day, "usage", "m", count, 0, unknown, estimate, cost)
        for day, cost, estimate, count in zip(days, costs, listed, counts, strict=True)
    ]
    connection.executemany("insert into marts.fct_daily_allocated_costs values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return say(connection, token_price_off())


def test_a_token_fifty_times_as_dear_is_off(connection):
    assert fill(connection, [3, 3, 3, 150]) is None
    assert fill(connection, [3, 3, 3, 150.1]) == ("2025-06-13 m: 0.0001501 USD a token, median of 3 days before 3e-06")
    assert fill(connection, [3, 3, 300]) is None  # two days are no base
    assert fill(connection, [3, 3, 3, 300], tokens=99_999) is None
    assert fill(connection, [3, 3, 3, 0.01]) is None  # cheap is no fault


def test_cents_show_beside_the_list_price_and_without_one(connection):
    assert fill(connection, [3, 3, 3, 300], listed=[3, 3, 3, 3]) is not None
    assert fill(connection, [3, 3, 3, 300]) is not None


@pytest.mark.parametrize(
    ("costs", "listed"),
    [
        ([0, 0, 0, 3], [3, 3, 3, 3]),  # a free tier that is used up
        ([0.01, 0.01, 0.01, 3], [3, 3, 3, 3]),  # one that covered most of the days before
        ([0, 0, 0, 0], [0, 0, 0, 0]),  # a model that costs nothing
        ([0, 0, 0, 3], [0, 0, 0, 0]),  # one that did
        ([0.15, 0.15, 0.15, 15], [0.15, 0.15, 0.15, 15]),  # cache hits in batches, and then answers on demand
        ([3, 3, 3, -3], [3, 3, 3, 3]),  # a refund
        ([-3, -3, -3, 3], [3, 3, 3, 3]),
        ([None, None, None, 3], None),  # no list price, and now the first bill
    ],
)
def test_free_cheap_and_unpriced_tokens_stop_nothing(connection, costs, listed):
    assert fill(connection, costs, listed=listed) is None


def test_lost_traces_make_no_token_dearer(connection):
    # The bill counts no tokens, so that those of a day are the traced ones: a hundredth of before, for the same cost.
    tokens = [20_000_000, 20_000_000, 20_000_000, 200_000]
    assert fill(connection, [60, 60, 60, 60], listed=[60, 60, 60, 0.6], tokens=tokens) is None


def test_tokens_whose_cost_is_not_known_are_on_neither_side(connection):
    # Of a million a day 990,000 have no price yet: what is left is too little to say anything.
    assert fill(connection, [0.03, 0.03, 0.03, 3], unknown=990_000) is None
