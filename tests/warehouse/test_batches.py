"""A batch that is billed on another day than it was traced on, from the spans to what each call and feature pays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from tests.warehouse.tiny_lake import ACCOUNT, SONNET, line, make_raw, run_dbt, span

pytestmark = pytest.mark.long
SECOND, THIRD, FOURTH = (date(2025, 6, day) for day in (2, 3, 4))
USAGE_TYPE = "USE1-Claude4Sonnet-input-tokens-batch"
BATCH = {"processing": "batch"}
SPANS = [
    # Begun late in the evening: a job of a million tokens, then one of half a million.
    span("night-a", "2025-06-02 22:00", SONNET, uncached_input_tokens=1_000_000, **BATCH),
    span("night-b", "2025-06-02 23:00", SONNET, uncached_input_tokens=500_000, feature_id="contract_review", **BATCH),
    # Done on its own day.
    span("morning", "2025-06-03 06:00", SONNET, uncached_input_tokens=200_000, feature_id="ticket_triage", **BATCH),
    # The bill of the 4th has not come.
    span("open", "2025-06-04 06:00", SONNET, uncached_input_tokens=100_000, feature_id="ticket_triage", **BATCH),
]
LINES = [
    line("2025-06-02", USAGE_TYPE, "1M tokens", Decimal("0.4"), Decimal("0.60")),
    line("2025-06-03", USAGE_TYPE, "1M tokens", Decimal("1.3"), Decimal("1.95")),
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Ask the warehouse of the jobs above."""
    path = tmp_path_factory.mktemp("batches") / "warehouse.duckdb"
    make_raw(path, lines=LINES, spans=SPANS)
    arguments = ("--select=tag:phase_1", "--exclude-resource-type=unit_test")
    built = run_dbt(path, "build", *arguments, as_of_date="2025-06-05")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def run(sql: str) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return run


def test_features_pay_on_the_days_of_the_bill(ask):
    # 400,000 tokens of the 2nd are night-a's. The 3rd has 1,300,000: 200,000 are the morning's, and the 1,100,000 that the
    # night left all find room: 600,000 of night-a, 500,000 of night-b. At $1.50 a million.
    rows = ask(
        "select usage_date, feature_id, cost_status, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs"
        " group by all having sum(allocated_cost_usd) != 0 or feature_id = 'unattributed' order by all"
    )
    assert rows == [
        (SECOND, "support_chat", "billed", Decimal("0.60")),
        (THIRD, "contract_review", "billed", Decimal("0.75")),
        (THIRD, "support_chat", "billed", Decimal("0.90")),
        (THIRD, "ticket_triage", "billed", Decimal("0.30")),
    ]


def test_calls_stay_on_their_day_and_pay_all_of_their_parts(ask):
    rows = ask(
        "select span_id, usage_date, cost_status, allocated_cost_usd from marts.fct_llm_calls order by started_at"
    )
    assert rows == [
        ("night-a", SECOND, "billed", Decimal("1.50")),
        ("night-b", SECOND, "billed", Decimal("0.75")),
        ("morning", THIRD, "billed", Decimal("0.30")),
        # Nobody has a price for Bedrock's batch, so without a bill there is no cost.
        ("open", FOURTH, "estimated", None),
    ]


def test_bill_is_covered_on_both_days(ask):
    rows = ask(
        "select usage_date, billed_tokens, traced_tokens, coverage_pct, unattributed_cost_usd"
        " from marts.fct_daily_reconciliations where billed_cost_usd is not null order by usage_date"
    )
    assert rows == [
        (SECOND, 400_000, 400_000, 100, 0),
        (THIRD, 1_300_000, 1_300_000, 100, 0),
    ]


def test_account_is_the_one_of_the_bill(ask):
    assert ask("select distinct billing_account_id from marts.fct_daily_allocated_costs") == [(ACCOUNT,)]


def test_a_reach_that_is_no_number_of_days_is_refused(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    make_raw(path)
    built = run_dbt(path, "compile", "--select=int_batch_days_matched", as_of_date="2025-06-05", batch_days=0)
    assert built.returncode != 0
    assert "dbt var batch_days is 0: give a whole number of days, 1 or more" in " ".join(built.stdout.split())
