"""Bills of OpenAI and Anthropic, allocated as AWS's is; and FOCUS and Cost Explorer beside it, which only compare."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from tests.warehouse.tiny_lake import ACCOUNT, NOVA, line, make_raw, put_seed, run_dbt, span

pytestmark = pytest.mark.long
DAY = date(2025, 6, 2)
DATES = {"usage_date": DAY, "landing_date": DAY, "object_key": "page-1"}
# The catalog knows both by another of their spellings.
GPT, CLAUDE = "gpt-4o-2024-08-06", "claude-sonnet-4-20250514"


def usd(text: str) -> Decimal:
    return Decimal(text)


def openai_cost(line_item: str, cost_usd: str, quantity: str | None, **changes) -> dict:
    quantity = {"quantity": quantity and usd(quantity), "quantity_unit": quantity and "1000_tokens"}
    return DATES | {"line_item": line_item, "amount": usd(cost_usd), "currency_code": "USD"} | quantity | changes


def anthropic_cost(token_type: str, cost_usd: str, **changes) -> dict:
    keys = {"workspace_id": "w1", "model": CLAUDE, "service_tier": "standard", "context_window": "0-200k"}
    said = {"cost_type": "tokens", "token_type": token_type, "amount_usd": usd(cost_usd), "currency_code": "USD"}
    return DATES | keys | said | changes


USAGE = DATES | {
    "workspace_id": "w1",
    "model": CLAUDE,
    "service_tier": "standard",
    "context_window": "0-200k",
    "uncached_input_tokens": 2000,
    "cache_read_input_tokens": 0,
    "cache_write_5m_input_tokens": 0,
    "cache_write_1h_input_tokens": 0,
    "output_tokens": 0,
}

# OpenAI bills 10,000 input tokens at $10: 6,000 traced by chat, 2,000 by triage, 2,000 by nobody but on the project of docs.
# Its web searches are no tokens. Anthropic bills 2,000 input tokens at $8, 500 of them traced; and code execution.
FOCUS_CHARGE = {
    "billing_period": "2025-06",
    "focus_version": "1.2",
    "billing_account_id": ACCOUNT,
    "sub_account_id": ACCOUNT,
    "provider_name": "AWS",
    "service_name": "Amazon Bedrock",
    "charge_category": "Usage",
    "billed_cost": usd("99"),
    "effective_cost": usd("99"),
    "billing_currency": "USD",
    "charge_period_start": datetime.fromisoformat("2025-06-02T00:00:00+00:00"),
    "charge_period_end": datetime.fromisoformat("2025-06-03T00:00:00+00:00"),
}
BILLS = {
    "openai_cost_buckets": [
        openai_cost(f"{GPT}, input", "10", "10", project_id="proj_docs", api_key_id="key_other"),
        openai_cost("web search tool calls", "3", None, project_id="proj_docs"),
    ],
    "anthropic_cost_buckets": [
        anthropic_cost("uncached_input_tokens", "5"),
        anthropic_cost("uncached_input_tokens", "3"),
        anthropic_cost(None, "1", cost_type="code_execution", model=None, service_tier=None, context_window=None),
    ],
    "anthropic_usage_buckets": [USAGE],
    "focus_charges": [FOCUS_CHARGE],
    "focus_invoice_totals": [FOCUS_CHARGE | {"is_landed": True, "line_count": 1}],
    "cost_explorer_daily_costs": [
        DATES
        | {
            "account_id": ACCOUNT,
            "key_1_name": "SERVICE",
            "key_1_value": "Amazon Bedrock",
            "key_2_name": "USAGE_TYPE",
            "key_2_value": "USE1-NovaLite-output-tokens",
            "record_type": "Usage",
            "currency_code": "USD",
            "unblended_cost": usd("77"),
            "amortized_cost": usd("77"),
            "is_estimated": False,
        }
    ],
}
SPANS = [
    span("a", "2025-06-02 10:00", GPT, provider_name="openai", account_id=None, uncached_input_tokens=6000, output_tokens=0),
    span(
        "b", "2025-06-02 10:00", GPT, provider_name="openai", account_id=None, uncached_input_tokens=2000, output_tokens=0,
        feature_id="ticket_triage",
    ),
    span(
        "c", "2025-06-02 10:00", CLAUDE, provider_name="anthropic", account_id=None, uncached_input_tokens=500,
        output_tokens=0,
    ),
]  # fmt: skip
AWS_LINE = line("2025-06-02", "USE1-NovaLite-output-tokens", "1K tokens", 1, 2)
PRINCIPALS = "principal_id varchar, feature_id varchar, reason varchar"


@pytest.fixture(scope="module")
def query(tmp_path_factory) -> Callable[[str], list[tuple]]:
    path = tmp_path_factory.mktemp("other_bills") / "warehouse.duckdb"
    make_raw(path, lines=[AWS_LINE], spans=SPANS, more=BILLS)
    put_seed(path, "billing_principals", PRINCIPALS, [("proj_docs", "document_summarization", "by hand")])
    built = run_dbt(
        path, "build", "--select=tag:phase_1", "--exclude-resource-type=unit_test", "--exclude=billing_principals",
        as_of_date="2025-06-03",
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def ask(sql: str) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return ask


def test_each_provider_s_bill_is_split_over_its_callers(query):
    rows = query(
        "select provider_name, billing_account_id, charge_category, feature_id, attribution, cost_status, allocated_cost_usd "
        "from marts.fct_daily_allocated_costs order by all"
    )
    assert rows == [
        ("anthropic", "organization", "other", "not_allocated", "not_a_usage_charge", "billed", usd("1")),
        ("anthropic", "organization", "usage", "support_chat", "traced", "billed", usd("2")),
        ("anthropic", "organization", "usage", "unattributed", "unattributed", "billed", usd("6")),
        ("aws.bedrock", ACCOUNT, "usage", "unattributed", "unattributed", "billed", usd("2")),
        ("openai", "organization", "other", "not_allocated", "not_a_usage_charge", "billed", usd("3")),
        ("openai", "organization", "usage", "document_summarization", "principal", "billed", usd("2")),
        ("openai", "organization", "usage", "support_chat", "traced", "billed", usd("6")),
        ("openai", "organization", "usage", "ticket_triage", "traced", "billed", usd("2")),
    ]


def test_coverage_is_counted_in_the_bill_s_tokens(query):
    rows = query(
        "select provider_name, model_id, token_class, region_scope, cell_grain, coverage_basis, billed_tokens, traced_tokens, "
        "coverage_pct from marts.fct_daily_reconciliations where charge_category = 'usage' order by all"
    )
    assert rows == [
        (
            "anthropic",
            "claude-sonnet-4-0",
            "uncached_input",
            "any",
            "model",
            "tokens",
            2000,
            500,
            25,
        ),
        ("aws.bedrock", NOVA, "output", "regional", "model", "tokens", 1000, 0, 0),
        ("openai", "gpt-4o", "uncached_input", "any", "model+principal", "tokens", 10000, 8000, 80),
    ]


def test_two_bills_of_one_account_need_somebody_to_choose(query, tmp_path):
    path = tmp_path / "warehouse.duckdb"
    make_raw(path, lines=[AWS_LINE], more={"focus_charges": [FOCUS_CHARGE]})
    columns = (
        "provider_name varchar, billing_account_id varchar, billing_source varchar, default_account_id varchar, "
        "valid_from date, valid_to date, reason varchar"
    )
    put_seed(path, "billing_sources", columns, [])
    built = run_dbt(
        path, "build", "--select=+int_bill_lines_unioned", "--exclude-resource-type=unit_test", "--exclude=billing_sources",
        as_of_date="2025-06-03",
    )  # fmt: skip
    assert "FAIL 1 assert_bills_have_one_authority" in built.stdout, built.stdout[-3000:]
