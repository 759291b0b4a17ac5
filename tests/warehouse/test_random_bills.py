"""Two hundred random accounts in one build: whatever the bill and the traces say, every cell ties and follows the rules.

The build's own tests hold each cell against the bill to the micro-dollar
(`assert_billed_equals_allocated_plus_unattributed`), so a build that succeeds has tied them all. What is added here is
worked out from the random input alone.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pytest

from tests.warehouse.allocation_oracle import allocate
from tests.warehouse.random_accounts import Accounts, random_accounts
from tests.warehouse.tiny_lake import make_raw, run_dbt

ACCOUNT_COUNT = 200
CELL_ID = """concat_ws(
    '|', usage_date, provider_name, billing_account_id, charge_category, model_id, token_class, region_scope, processing
)"""


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    return random_accounts(ACCOUNT_COUNT, random.Random(20250602))


@pytest.fixture(scope="module")
def query(tmp_path_factory, accounts) -> Callable[[str], list[tuple]]:
    """Ask the build of the random accounts."""
    path = tmp_path_factory.mktemp("random_bills") / "warehouse.duckdb"
    make_raw(path, lines=accounts.lines, spans=accounts.spans)
    built = run_dbt(path, "build", "--select=tag:phase_1", "--exclude-resource-type=unit_test", as_of_date="2025-06-03")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def ask(sql: str) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


@pytest.fixture(scope="module")
def expected(accounts):
    """By id, each cell that has a bill, as the rules allocate it."""
    return {
        cell_id: allocate(cell.billed, cell.traced, unit=cell.unit)
        for cell_id, cell in accounts.cells.items()
        if cell.billed
    }


def test_each_account_pays_its_bill(query, accounts):
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in accounts.lines:
        billed[row["line_item_usage_account_id"]] += Decimal(str(row["line_item_unblended_cost"]))
    allocated = dict(
        query(
            """select billing_account_id, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs
            where cost_status = 'billed' group by 1"""
        )
    )
    # Parts of cells are rounded to micro-dollars; an account has about 26 of them.
    assert billed.keys() == allocated.keys()
    assert all(abs(allocated[account] - billed[account]) < Decimal("0.00005") for account in billed)


def test_each_cell_is_covered_by_what_its_bill_counts(query, expected):
    rows = query(
        f"""select {CELL_ID}, coverage_basis, coverage_pct from marts.fct_daily_reconciliations
        where charge_category = 'usage' and coverage_basis is not null"""
    )
    found = {cell_id: (basis, percent) for cell_id, basis, percent in rows}
    assert found == {
        cell_id: (cell.basis, None if cell.coverage is None else pytest.approx(float(100 * cell.coverage), abs=1e-6))
        for cell_id, cell in expected.items()
    }


def test_each_caller_pays_its_share(query, accounts, expected):
    rows = query(
        """select cell_id, if(unattributed_reason = 'no_feature', null, feature_id), pipeline_id, unattributed_reason,
            cast(allocated_cost_usd * 1000000 as bigint)
        from intermediate.int_billing_cells_allocated
        where pipeline_id != 'unknown' and coalesce(unattributed_reason, '') != 'not_on_bill' and cost_status = 'billed'"""
    )
    paid = {(cell_id, (feature, pipeline)): (reason, usd) for cell_id, feature, pipeline, reason, usd in rows}
    callers = {
        (cell_id, call.caller) for cell_id, cell in accounts.cells.items() if cell.billed for call in cell.traced
    }
    assert callers == {(c, caller) for c, caller in paid if c in expected}
    for cell_id, caller in callers:
        cell, (reason, usd) = expected[cell_id], paid[cell_id, caller]
        if caller[0]:
            assert reason == (None if caller in cell.shares else "no_weight"), cell_id
        # A micro-dollar in each part of the cell, and a weight to the millionth.
        slack = len(cell.remainders) + sum(abs(line.cost_usd) for line in accounts.cells[cell_id].billed) * 2
        assert abs(usd - cell.shares.get(caller, 0)) <= slack, (cell_id, caller)


def test_rest_of_each_part_goes_to_its_owner(query, expected):
    rows = query(
        """select cell_id, if(attribution = 'tag', feature_id, null), unattributed_reason,
            cast(allocated_cost_usd * 1000000 as bigint)
        from intermediate.int_billing_cells_allocated where charge_category = 'usage' and pipeline_id = 'unknown'"""
    )
    left: dict = defaultdict(dict)
    reasons = {}
    for cell_id, owner, reason, usd in rows:
        left[cell_id][owner] = usd
        if owner is None:
            reasons[cell_id] = reason
    for cell_id, cell in expected.items():
        found = {owner: left[cell_id].get(owner, 0) for owner in cell.remainders}
        assert found == cell.remainders, cell_id
        assert reasons.get(cell_id, cell.reason) == cell.reason, cell_id


def test_random_bills_hold_what_the_rules_are_about(query, accounts, expected):
    (kinds,) = query(
        """select count(*) filter (coverage_pct = 0), count(*) filter (coverage_pct between 1 and 99),
            count(*) filter (coverage_pct = 100), count(*) filter (disagreeing_quantity > 0),
            count(*) filter (billed_cost_usd < 0), count(*) filter (coverage_basis = 'cost' and coverage_pct between 1 and 99),
            count(*) filter (
                token_class = 'search_unit' and coverage_pct between 1 and 99 and billed_cost_usd > 0
                and billed_cost_usd < billed_search_unit_count * 0.0019
            ),
            count(distinct billing_account_id) filter (allocated_cost_usd > 0) - 100,
            count(*) filter (usage_date = '2025-05-31')
        from marts.fct_daily_reconciliations where charge_category = 'usage'"""
    )
    assert all(count > 10 for count in kinds), kinds
    single = [cell for cell in accounts.cells.values() if cell.traced and all(c.quantity == 1 for c in cell.traced)]
    assert sum(len(cell.traced) > sum(line.quantity or 0 for line in cell.billed) > 0 for cell in single) > 10
    assert sum(cell.reason == "no_weight" and cell.remainders.get(None, 0) > 0 for cell in expected.values()) > 10
    assert sum(row["account_id"] is None for row in accounts.spans) > 10


def test_every_call_counts_once(query, accounts):
    (count,) = query("select sum(request_count) from marts.fct_daily_feature_costs")
    assert count == (len(accounts.spans),)
