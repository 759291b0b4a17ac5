"""Two hundred random accounts in one build: whatever the bill and the traces say, every cell ties exactly.

The build's own tests hold each cell against the bill to the micro-dollar
(`assert_billed_equals_allocated_plus_unattributed`), so a build that succeeds has tied them all. What is added here is
counted straight from the random input.
"""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.tiny_lake import HAIKU, SONNET, line, make_raw, run_dbt, span

ACCOUNT_COUNT = 200
FEATURES = ("alpha", "beta", "gamma", None)
DAY = "2025-06-02"
PRODUCTS = {SONNET: "Claude4Sonnet", HAIKU: "Claude3.5Haiku"}


def random_account(number: int, dice: random.Random) -> tuple[list[dict], list[dict]]:
    """Return bill lines and spans of one account: coverage from 0 to 1.5, some lines tagged, negative, free or tiny."""
    account = f"{number:012}"
    lines, spans = [], []
    for model, usage_name in PRODUCTS.items():
        for suffix, column in (("input-tokens", "uncached_input_tokens"), ("output-tokens", "output_tokens")):
            billed = 0
            for _ in range(dice.randint(0, 4)):
                tokens = dice.choice([0, 1, 7, dice.randint(1, 10**9), -dice.randint(1, 1000)])
                billed += tokens
                cost = round(tokens * dice.choice([0, 3e-6, 1.5e-5, 3.3333333e-6]), dice.choice([6, 10, 12]))
                owner = dice.choice(FEATURES)
                lines.append(
                    line(
                        DAY,
                        f"USE1-{usage_name}-{suffix}{dice.choice(['', '', '-batch'])}",
                        "1K tokens",
                        tokens / 1000,
                        cost,
                        line_item_usage_account_id=account,
                        line_item_resource_id=f"arn:aws:bedrock:us-east-1:{account}:inference-profile/{model}",
                        resource_tags={"user_feature": owner} if owner else {},
                    )
                )
            for _ in range(dice.randint(0, 3)):
                traced = max(0, int(billed * dice.uniform(0, 0.5)))
                other = "output_tokens" if column == "uncached_input_tokens" else "uncached_input_tokens"
                spans.append(
                    span(
                        f"{account}-{len(spans)}",
                        f"{DAY} 10:00",
                        model,
                        **{column: traced, other: 0},
                        account_id=account,
                        feature_id=dice.choice(FEATURES),
                        pipeline_id=dice.choice(["one", "two"]),
                    )
                )
    if dice.random() < 0.3:
        credit = {"line_item_line_item_type": "Credit", "line_item_usage_account_id": account}
        lines.append(line(DAY, "", "", 0, -dice.randint(1, 10**9) / 1e7, **credit))
    return lines, spans


@pytest.fixture(scope="module")
def random_bills(tmp_path_factory) -> tuple[Path, list[dict], list[dict]]:
    dice = random.Random(20250602)
    accounts = [random_account(number, dice) for number in range(ACCOUNT_COUNT)]
    lines = [row for rows, _ in accounts for row in rows]
    spans = [row for _, rows in accounts for row in rows]
    path = tmp_path_factory.mktemp("random_bills") / "warehouse.duckdb"
    make_raw(path, lines=lines, spans=spans)
    built = run_dbt(path, "build", "--select=tag:phase_1", "--exclude-resource-type=unit_test", as_of_date="2025-06-03")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    return path, lines, spans


def test_each_account_pays_its_bill(random_bills):
    path, lines, _ = random_bills
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in lines:
        billed[row["line_item_usage_account_id"]] += Decimal(str(row["line_item_unblended_cost"]))
    with duckdb.connect(str(path), read_only=True) as connection:
        allocated = dict(
            connection.execute(
                """select billing_account_id, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs
                where cost_status = 'billed' group by 1"""
            ).fetchall()
        )
    # Cells are rounded to micro-dollars, each account has at most 33 of them.
    assert billed.keys() == allocated.keys()
    assert all(abs(allocated[account] - billed[account]) < Decimal("0.00002") for account in billed)


def test_traced_share_is_a_part_of_what_was_billed(random_bills):
    path, _, _ = random_bills
    with duckdb.connect(str(path), read_only=True) as connection:
        (beyond,) = connection.execute(
            """select count(*) from intermediate.int_billing_cells_covered
            where matched_quantity > billed_quantity or matched_quantity < 0
                or traced_micro_usd * sign(billed_micro_usd) not between 0 and abs(billed_micro_usd)"""
        ).fetchone()
        kinds = connection.execute(
            """select count(*) filter (coverage_pct = 0), count(*) filter (coverage_pct between 1 and 99),
                count(*) filter (coverage_pct = 100), sum(disagreeing_quantity), count(*) filter (billed_cost_usd < 0)
            from marts.fct_daily_reconciliations where charge_category = 'usage'"""
        ).fetchone()
    assert beyond == 0
    # The input holds what the rules are about.
    assert all(count > 10 for count in kinds)


def test_every_call_counts_once(random_bills):
    path, _, spans = random_bills
    with duckdb.connect(str(path), read_only=True) as connection:
        (count,) = connection.execute("select sum(request_count) from marts.fct_daily_feature_costs").fetchone()
    assert count == len(spans)
