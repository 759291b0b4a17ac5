"""The project's own tests of sums and prices, on the marts of `worked_days` with something wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import duckdb
import pytest

from ai_finops.pricing.overlay import COLUMNS
from tests.warehouse.tiny_lake import HAIKU_ID, SONNET_ID, raw_prices

Found = Callable[..., list[tuple]]
PLACE = (
    "usage_date = '2025-06-{:02}' and model_id = '{}' and token_class = 'uncached_input' and processing = 'on_demand'"
)


@pytest.fixture
def copy(warehouse, tmp_path):
    """A connection to a copy of the warehouse, to be spoiled."""
    # The compiled tests name the database, which is called as its file is.
    path = shutil.copy(warehouse, tmp_path / warehouse.name)
    with duckdb.connect(path) as connection:
        yield connection


@pytest.fixture
def found(warehouse, copy) -> Found:
    """Run statements on the copy, then one of the project's tests as dbt compiled it; return what it finds."""
    compiled = warehouse.parent / "target" / "compiled" / "ai_finops" / "tests"

    def ask(test: str, *statements: str) -> list[tuple]:
        for statement in statements:
            assert copy.execute(statement).fetchone() != (0,), f"changes nothing: {statement}"
        return copy.execute((compiled / f"{test}.sql").read_text()).fetchall()

    return ask


def add(usd: int, table: str, where: str, *columns: str) -> str:
    changes = ", ".join(f"{column} = {column} + {usd}" for column in columns)
    return f"update {table} set {changes} where {where}"


BILLED_IN_JULY = (
    "update intermediate.int_billing_lines_classified set billing_period = '2025-07', invoice_id = 'INV-2' "
    "where usage_date = '2025-06-09'"
)


def test_usage_of_june_on_july_s_invoice_meets_it(found):
    assert found("assert_invoices_are_met", BILLED_IN_JULY) == []


def test_two_wrongs_of_one_month_are_seen_on_their_two_invoices(found):
    cell = ("intermediate.int_daily_cells_reconciled", "billed_cost_usd", "unattributed_cost_usd")
    rows = found(
        "assert_invoices_are_met",
        BILLED_IN_JULY,
        add(5, cell[0], PLACE.format(2, SONNET_ID), *cell[1:]),
        add(-5, cell[0], PLACE.format(9, SONNET_ID), *cell[1:]),
    )
    wrong = sorted((period, invoice, reconciled - billed) for _, _, period, invoice, billed, reconciled, _ in rows)
    assert wrong == [("2025-06", None, 5), ("2025-07", "INV-2", -5)]


def test_lost_cell_is_seen_on_its_invoice(found):
    rows = found(
        "assert_invoices_are_met",
        f"delete from intermediate.int_daily_cells_reconciled where {PLACE.format(9, SONNET_ID)}",
        BILLED_IN_JULY,
    )
    assert [(row[2], row[4], row[5]) for row in rows] == [("2025-07", 6, 0)]


def test_cell_that_no_invoice_has_is_seen(found):
    rows = found(
        "assert_invoices_are_met",
        "delete from intermediate.int_billing_lines_classified where usage_date = '2025-06-09'",
    )
    assert [(row[2], row[4], row[5]) for row in rows] == [(None, None, 6)]


def test_two_wrongs_of_one_day_are_seen_in_the_mart_of_costs(found):
    assert found("assert_billed_equals_allocated_plus_unattributed") == []
    traced = "usage_date = '2025-06-02' and feature_id = 'support_chat' and attribution = 'traced' and model_id = '{}'"
    rows = found(
        "assert_billed_equals_allocated_plus_unattributed",
        add(1, "marts.fct_daily_allocated_costs", traced.format(SONNET_ID), "allocated_cost_usd"),
        add(-1, "marts.fct_daily_allocated_costs", traced.format(HAIKU_ID), "allocated_cost_usd"),
    )
    assert sorted((name.split("|")[-1], allocated - billed) for name, billed, allocated in rows) == [
        (HAIKU_ID, -1),
        (SONNET_ID, 1),
    ]


LEGAL_OVERLAY = (
    # One class: a price for any scope, another for one scope, dearer past a threshold; open at both ends, and ended.
    f"aws.bedrock,{SONNET_ID},output,any,on_demand,0,12,1M tokens,,,contract,2025-06-01",
    f"aws.bedrock,{SONNET_ID},output,global,on_demand,0,11,1M tokens,2025-01-01,,contract,2025-06-01",
    f"aws.bedrock,{SONNET_ID},output,global,on_demand,200000,22,1M tokens,2025-01-01,,contract,2025-06-01",
    f"aws.bedrock,{HAIKU_ID},output,regional,on_demand,0,3,1M tokens,2025-01-01,2025-06-05,contract,2025-06-01",
    f"aws.bedrock,{HAIKU_ID},output,regional,on_demand,0,2,1M tokens,2025-06-05,,contract,2025-06-01",
)
OVERLAY_ROW = f"catalog = 'overlay' and model_id = '{SONNET_ID}' and region_scope = 'global' and threshold_tokens = 0"
OTHERS_ROW = "insert into raw.prices select * replace ({}) from raw.prices where " + OVERLAY_ROW


@pytest.fixture
def legal_overlay(copy, tmp_path):
    """Put an overlay, as seed and as price table, into the copy."""
    file = tmp_path / "price_overlay.csv"
    file.write_text("\n".join([",".join(COLUMNS), *LEGAL_OVERLAY]) + "\n")
    copy.execute("delete from seeds.price_overlay")
    copy.execute("insert into seeds.price_overlay from read_csv(?, header = true)", [str(file)])
    copy.register("incoming", raw_prices(file))
    copy.execute("create or replace table raw.prices as select * from incoming")
    copy.unregister("incoming")


def test_legal_overlay_passes(legal_overlay, found):
    assert found("assert_overlay_prices_win") == []


def test_days_of_before_may_be_held_to_what_the_overlay_said_then(legal_overlay, found):
    held = "select * replace ({}, date '2025-06-10' as priced_to) from raw.prices where " + OVERLAY_ROW
    for rows in (held.format("99 as price_usd_per_unit"), held.format("'genai-prices' as catalog")):
        assert found("assert_overlay_prices_win", f"insert into raw.prices {rows}") == []


def test_what_the_overlay_says_of_days_before_the_table_is_not_asked_for(legal_overlay, found):
    cut = (
        "update raw.prices set priced_from = '2025-06-10', valid_from = greatest(valid_from, date '2025-06-10')",
        "delete from raw.prices where valid_to <= date '2025-06-10'",
    )
    assert found("assert_overlay_prices_win", *cut) == []


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (f"delete from raw.prices where {OVERLAY_ROW}", "not there"),
        (f"update raw.prices set price_usd_per_unit = 15 where {OVERLAY_ROW}", "not there"),
        (f"update raw.prices set valid_to = '2026-01-01' where {OVERLAY_ROW}", "not there"),
        (f"update raw.prices set priced_to = '2025-06-10' where {OVERLAY_ROW}", "not there"),
        (OTHERS_ROW.format("'genai-prices' as catalog"), "contradicted"),
        (OTHERS_ROW.format("'genai-prices' as catalog, 'regional' as region_scope"), "contradicted"),
    ],
    ids=[
        "lost",
        "other price",
        "other days",
        "only in a table of before",
        "catalog price beside it",
        "catalog price of a scope beside any",
    ],
)
def test_price_table_without_the_overlay_s_word_is_seen(legal_overlay, found, fault, problem):
    assert {row[0] for row in found("assert_overlay_prices_win", fault)} == {problem}
