"""Two hundred random accounts in one build: whatever bill and traces say, every cell is the oracle's to the last digit."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pytest

from tests.warehouse.allocation_oracle import Allocation, allocate
from tests.warehouse.random_accounts import PRINCIPALS, Accounts, day_and_account, random_accounts
from tests.warehouse.tiny_lake import make_raw, put_seed, run_dbt

ACCOUNT_COUNT = 200
CELL_ID = """concat_ws(
    '|', usage_date, provider_name, billing_account_id, charge_category, model_id, token_class, region_scope, processing
)"""
OWNER = "if(owner_feature_id is null, null, [owner_feature_id, owner_attribution])"
MICRO_USD = Decimal("0.000001")


SEEDS = ["drawn", *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3))]


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def accounts(request) -> Accounts:
    seed = request.param
    if seed == "drawn":
        # The same accounts each time in CI, others at a desk; pytest shows the seed where a test fails.
        seed = 20250602 if os.environ.get("CI") else random.SystemRandom().randrange(10**6)
        print(f"accounts are drawn with seed {seed}")
    return random_accounts(ACCOUNT_COUNT, random.Random(seed))


@pytest.fixture(scope="module")
def query(tmp_path_factory, accounts) -> Callable[[str], list[tuple]]:
    """Ask the build of the random accounts."""
    path = tmp_path_factory.mktemp("random_bills") / "warehouse.duckdb"
    make_raw(path, lines=accounts.lines, spans=accounts.spans)
    columns = "principal_id varchar, feature_id varchar, reason varchar"
    put_seed(path, "billing_principals", columns, [(*each, "by hand") for each in PRINCIPALS.items()])
    built = run_dbt(
        path, "build", "--select=tag:phase_1", "--exclude-resource-type=unit_test", "--exclude=billing_principals",
        as_of_date="2025-06-03",
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def ask(sql: str) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


@pytest.fixture(scope="module")
def expected(accounts) -> dict[str, Allocation]:
    """By id, each cell that has a bill, as the rules allocate it."""
    return {
        cell_id: allocate(cell.billed, cell.traced, unit=cell.unit)
        for cell_id, cell in accounts.cells.items()
        if cell.billed
    }


def test_each_part_is_covered_by_what_its_bill_counts(query, expected):
    rows = query(
        f"""select distinct cell_id, {OWNER}, coverage_basis, billed_quantity, matched_quantity,
            billed_micro_usd, traced_micro_usd
        from intermediate.int_billing_cells_covered"""
    )
    assert {(cell_id, _owner(owner)): tuple(rest) for cell_id, owner, *rest in rows} == {
        (cell_id, owner): (cell.basis, part.billed, part.matched, part.billed_usd, part.traced_usd)
        for cell_id, cell in expected.items()
        for owner, part in cell.parts.items()
    }


def test_each_caller_pays_its_share_of_each_part(query, expected):
    rows = query(
        f"""select cell_id, {OWNER}, nullif(feature_id, 'unattributed'), pipeline_id, share_micro_usd
        from intermediate.int_traced_shares_divided"""
    )
    assert {(cell_id, _owner(owner), (feature, pipeline)): usd for cell_id, owner, feature, pipeline, usd in rows} == {
        (cell_id, owner, caller): usd
        for cell_id, cell in expected.items()
        for owner, part in cell.parts.items()
        for caller, usd in part.shares.items()
    }


def test_whole_micro_dollars_are_near_what_fractions_of_them_would_be(expected):
    """The oracle's own steps of counting in whole numbers are small: so are those of the SQL, which are the same."""
    parts = [part for cell in expected.values() for part in cell.parts.values()]
    for part in parts:
        assert all(
            abs(usd - part.exact_shares[caller]) < 1 + abs(part.traced_usd) / 500_000
            for caller, usd in part.shares.items()
        )
    assert sum(part.shares != part.exact_shares for part in parts) > 100


def test_each_cell_is_paid_by_its_callers_its_owners_and_nobody(query, accounts, expected):
    rows = query(
        """select cell_id, feature_id, pipeline_id, attribution, unattributed_reason, cost_status, allocated_cost_usd
        from intermediate.int_billing_cells_allocated
        where charge_category = 'usage' and (pipeline_id != 'unknown' or allocated_cost_usd != 0)"""
    )
    found = {tuple(row[:-1]): row[-1] for row in rows}
    assert len(found) == len(rows)
    assert found == dict(_rows(accounts, expected))


def test_each_cell_ties_and_says_why_not_more(query, accounts, expected):
    rows = query(
        f"""select {CELL_ID}, coverage_basis, billed_cost_usd, allocated_cost_usd, unattributed_cost_usd, rounding_cost_usd,
            disagreeing_quantity
        from marts.fct_daily_reconciliations where charge_category = 'usage'"""
    )
    assert {cell_id: tuple(rest) for cell_id, *rest in rows} == dict(_cells(accounts, expected))
    percents = dict(
        query(f"select {CELL_ID}, coverage_pct from marts.fct_daily_reconciliations where billed_cost_usd != 0")
    )
    for cell_id, cell in expected.items():
        if cell_id in percents:
            percent = None if cell.coverage is None else pytest.approx(float(100 * cell.coverage), abs=1e-6)
            assert percents[cell_id] == percent, cell_id


def test_each_account_pays_its_bill(query, accounts):
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in accounts.lines:
        billed[row["line_item_usage_account_id"]] += Decimal(str(row["line_item_unblended_cost"]))
    paid = query(
        """select billing_account_id, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs
        where cost_status = 'billed' group by 1"""
    )
    rounded = dict(
        query("select billing_account_id, sum(rounding_cost_usd) from marts.fct_daily_reconciliations group by 1")
    )
    assert {account: usd + rounded[account] for account, usd in paid} == dict(billed)
    credited = query(
        """select billing_account_id, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs
        where charge_category = 'credit' and feature_id = 'not_allocated' group by 1"""
    )
    assert dict(credited) == {account: usd * MICRO_USD for account, usd in accounts.credits.items()}


def test_every_call_counts_once(query, accounts):
    (count,) = query("select sum(request_count) from marts.fct_daily_feature_costs")
    assert count == (len(accounts.spans),)


def test_random_bills_hold_what_the_rules_are_about(query, accounts, expected):
    (kinds,) = query(
        """select count(*) filter (coverage_pct = 0), count(*) filter (coverage_pct between 1 and 99),
            count(*) filter (coverage_pct = 100), count(*) filter (disagreeing_quantity > 0),
            count(*) filter (traced_tokens > 1.2 * billed_tokens and billed_tokens > 0), count(*) filter (billed_cost_usd < 0),
            count(*) filter (coverage_basis = 'cost' and coverage_pct between 1 and 99),
            count(*) filter (
                token_class = 'search_unit' and coverage_pct between 1 and 99 and billed_cost_usd > 0
                and billed_cost_usd < billed_search_unit_count * 0.0019
            ),
            count(*) filter (rounding_cost_usd != 0), count(*) filter (billed_cost_usd is null),
            count(*) filter (billed_cost_usd = 0 and estimated_cost_usd > 0),
            count(*) filter (region_scope = 'global' and coverage_pct > 0),
            least(
                count(*) filter (processing = 'batch' and coverage_pct > 0),
                count(*) filter (processing = 'flex' and coverage_pct > 0),
                count(*) filter (processing = 'priority' and coverage_pct > 0)
            ),
            count(distinct billing_account_id) filter (allocated_cost_usd > 0) - 100,
            count(*) filter (usage_date = '2025-05-31')
        from marts.fct_daily_reconciliations where charge_category = 'usage'"""
    )
    assert all(count > 10 for count in kinds), kinds
    parts = [(owner, part) for cell in expected.values() for owner, part in cell.parts.items()]
    for attribution in ("tag", "principal"):
        assert (
            sum(bool(owner and owner[1] == attribution and 0 < part.matched < part.billed) for owner, part in parts)
            > 10
        )
    # Equal callers, of whom some pay a micro-dollar more than others.
    assert sum(len(set(part.exact_shares.values())) == 1 < len(set(part.shares.values())) for _, part in parts) > 10
    assert sum(part.traced_usd < 0 for _, part in parts) > 10
    both = [{owner[1] for owner in cell.parts if owner and owner[0] == "beta"} for cell in expected.values()]
    assert sum(len(names) == 2 for names in both) > 10
    single = [cell for cell in accounts.cells.values() if cell.traced and all(c.quantity == 1 for c in cell.traced)]
    assert sum(len(cell.traced) > sum(line.quantity or 0 for line in cell.billed) > 0 for cell in single) > 10
    # The rarest: some seeds draw fewer than ten.
    assert sum(cell.reason == "no_weight" and cell.remainders.get(None, 0) > 0 for cell in expected.values()) > 2
    assert sum(row["account_id"] is None for row in accounts.spans) > 10
    assert accounts.late_batch_count > 10
    assert sum(cell_id.startswith("2025-06-02") for cell_id in accounts.cells) > 10  # waiting for a bill


def _owner(names: list[str] | None) -> tuple[str, ...] | None:
    return names and tuple(names)


def _rows(accounts, expected):
    """Yield what the rows of the cells have to be: who and why, with their cost."""
    billed_days = accounts.billed_days
    for cell_id, cell in accounts.cells.items():
        is_billed_day, billed = day_and_account(cell_id) in billed_days, expected.get(cell_id)
        estimates: dict = defaultdict(list)
        for call in cell.traced:
            estimates[call.caller].append(call.estimate_usd)
        for (feature, pipeline), usd in estimates.items():
            cost, reason = None if None in usd else sum(usd), "no_price" if None in usd else None
            if is_billed_day:
                cost, reason = Decimal(0), "no_weight" if billed else "not_on_bill"
            if billed and (feature, pipeline) in billed.shares:
                cost, reason = billed.shares[feature, pipeline] * MICRO_USD, None
            who = (feature, pipeline, "traced", reason)
            if not feature:
                who = ("unattributed", pipeline, "unattributed", "no_feature")
            yield (cell_id, *who, "billed" if is_billed_day else "estimated"), cost
        for owner, usd in billed.remainders.items() if billed else ():
            who = (
                (owner[0], "unknown", owner[1], None)
                if owner
                else ("unattributed", "unknown", "unattributed", billed.reason)
            )
            if usd:
                yield (cell_id, *who, "billed"), usd * MICRO_USD


def _cells(accounts, expected):
    """Yield what the reconciliation of each cell has to be."""
    billed_days = accounts.billed_days
    for cell_id, cell in accounts.cells.items():
        billed = expected.get(cell_id)
        if billed:
            usd = sum(part.billed_usd for part in billed.parts.values())
            nobodys = sum(share for (feature, _), share in billed.shares.items() if feature is None)
            nobodys += billed.remainders.get(None, 0)
            rounding = sum(line.cost_usd for line in cell.billed) - usd * MICRO_USD
            costs = (usd * MICRO_USD, (usd - nobodys) * MICRO_USD, nobodys * MICRO_USD, rounding)
            yield cell_id, (billed.basis, *costs, billed.disagreeing)
        elif cell.traced:
            costs = (Decimal(0),) * 3 if day_and_account(cell_id) in billed_days else (None,) * 3
            yield cell_id, (None, *costs, Decimal(0), 0)
