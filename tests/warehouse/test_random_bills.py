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

from tests.warehouse.tiny_lake import HAIKU, NOVA, RERANK, SONNET, line, make_raw, run_dbt, span

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
    rerank_lines, rerank_spans = random_reranks(account, dice)
    lines, spans = lines + rerank_lines, spans + rerank_spans
    if dice.random() < 0.2:
        # A unit that nobody knows: covered by cost.
        amount = dice.randint(1, 100)
        lines.append(
            line(DAY, "USE1-NovaLite-output-tokens", "Hrs", amount, amount * 0.5, line_item_usage_account_id=account)
        )
        spans.append(span(f"{account}-hours", f"{DAY} 11:00", NOVA, output_tokens=10**6, account_id=account))
    if dice.random() < 0.3:
        credit = {"line_item_line_item_type": "Credit", "line_item_usage_account_id": account}
        lines.append(line(DAY, "", "", 0, -dice.randint(1, 10**9) / 1e7, **credit))
    return lines, spans


def random_reranks(account: str, dice: random.Random) -> tuple[list[dict], list[dict]]:
    """Return lines and spans of searches, billed by the unit at, below and above list price; coverage from 0 to 1.5."""
    lines = []
    for _ in range(dice.randint(0, 2)):
        units = dice.choice([1, 3, dice.randint(1, 10**6)])
        product = {"product_name": "Cohere Rerank v3.5 (Amazon Bedrock Edition)"}
        cost = round(units * 0.002 * dice.choice([1, 0.8, 1.25]), 12)
        owner = dice.choice(FEATURES)
        lines.append(
            line(
                DAY,
                "USE1-MP:USE1_search_units-Units",
                "Units",
                units,
                cost,
                bill_billing_entity="AWS Marketplace",
                line_item_product_code="4o7ktnlcsvunpe0e1xmqtzqtb",
                line_item_usage_account_id=account,
                product=product,
                resource_tags={"user_feature": owner} if owner else {},
            )
        )
    billed = sum(row["line_item_usage_amount"] for row in lines)
    spans = [
        span(
            f"{account}-rerank-{number}",
            f"{DAY} 12:00",
            RERANK,
            operation_name="rerank",
            search_unit_count=max(1, int(billed * dice.uniform(0, 0.75))),
            account_id=account,
            feature_id=dice.choice(FEATURES),
        )
        for number in range(dice.randint(0, 2))
    ]
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
    # Cells are rounded to micro-dollars, each account has at most 35 of them.
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
                count(*) filter (coverage_pct = 100), sum(disagreeing_quantity), count(*) filter (billed_cost_usd < 0),
                count(*) filter (coverage_basis = 'search_units' and coverage_pct between 1 and 99),
                count(*) filter (coverage_basis = 'search_units' and coverage_pct = 100),
                count(*) filter (coverage_basis = 'cost')
            from marts.fct_daily_reconciliations where charge_category = 'usage'"""
        ).fetchone()
    assert beyond == 0
    # The input holds what the rules are about.
    assert all(count > 10 for count in kinds)


def test_untraced_searches_are_nobody_s_whatever_their_price(random_bills):
    path, lines, spans = random_bills
    billed, traced, tagged = defaultdict(int), defaultdict(int), set()
    for row in lines:
        if "search_units" in row["line_item_usage_type"]:
            billed[row["line_item_usage_account_id"]] += row["line_item_usage_amount"]
            if row["resource_tags"]:
                tagged.add(row["line_item_usage_account_id"])
    for row in spans:
        if row["operation_name"] == "rerank":
            traced[row["account_id"]] += row["search_unit_count"]
    with duckdb.connect(str(path), read_only=True) as connection:
        coverage = dict(
            connection.execute(
                """select billing_account_id, coverage_pct from marts.fct_daily_reconciliations
                where coverage_basis = 'search_units'"""
            ).fetchall()
        )
    assert len(coverage) == len(billed) > 100
    assert 10 < len(tagged) < len(billed) - 10
    for account, units in billed.items():
        most = 100 * min(1, traced[account] / units)
        # Usage without a feature contests no tag, so a tagged part may stay uncovered.
        expected = (
            pytest.approx(most, abs=0.001) if account not in tagged else pytest.approx(most / 2, abs=most / 2 + 0.001)
        )
        assert float(coverage[account]) == expected, account


def test_every_call_counts_once(random_bills):
    path, _, spans = random_bills
    with duckdb.connect(str(path), read_only=True) as connection:
        (count,) = connection.execute("select sum(request_count) from marts.fct_daily_feature_costs").fetchone()
    assert count == len(spans)
