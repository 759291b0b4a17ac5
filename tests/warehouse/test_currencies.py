"""A bill in another currency: converted by dated rates all the way to the feature, or refused with the day that has none."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from tests.warehouse.tiny_lake import ACCOUNT, SONNET, line, make_raw, put_seed, run_dbt, span

USAGE_TYPE = "USE1-Claude4Sonnet-input-tokens"
RATES = "currency_code varchar, valid_from date, usd_per_unit decimal(18, 12), source varchar"
EUROS = {"line_item_currency_code": "EUR"}
LINES = [
    line("2025-06-02", USAGE_TYPE, "1M tokens", 1, 3, **EUROS),
    line("2025-06-03", USAGE_TYPE, "1M tokens", 1, 3, **EUROS),
    # Of an account that is billed in dollars.
    line("2025-06-03", USAGE_TYPE, "1M tokens", 1, 3, line_item_usage_account_id="222233334444"),
]
SPANS = [span(day, f"{day} 10:00", SONNET, uncached_input_tokens=500_000) for day in ("2025-06-02", "2025-06-03")]


RATES_BY_HAND = [
    ("EUR", date(2025, 1, 1), Decimal("1.1"), "by hand"),
    ("EUR", date(2025, 6, 3), Decimal("1.2"), "by hand"),
]


def build(path, *, lines, rates, select, more=None):
    make_raw(path, lines=lines, spans=SPANS, more=more)
    put_seed(path, "currency_rates", RATES, rates)
    arguments = ("--select", *select.split(), "--exclude=currency_rates", "--exclude-resource-type=unit_test")
    return run_dbt(path, "build", *arguments, as_of_date="2025-06-04")


@pytest.mark.long
def test_features_pay_in_dollars_at_the_rate_of_the_day(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    built = build(path, lines=LINES, rates=RATES_BY_HAND, select="tag:phase_1")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            """select usage_date, billing_account_id, feature_id, sum(allocated_cost_usd) from marts.fct_daily_allocated_costs
            group by all order by all"""
        ).fetchall()
    # Half of 3 EUR is traced: 1.50 EUR are $1.65, then $1.80.
    assert rows == [
        (date(2025, 6, 2), ACCOUNT, "support_chat", Decimal("1.65")),
        (date(2025, 6, 2), ACCOUNT, "unattributed", Decimal("1.65")),
        (date(2025, 6, 3), ACCOUNT, "support_chat", Decimal("1.80")),
        (date(2025, 6, 3), ACCOUNT, "unattributed", Decimal("1.80")),
        (date(2025, 6, 3), "222233334444", "unattributed", Decimal("3")),
    ]


def sentence(of: str) -> str:
    return (
        f"The bill of {of} (account {ACCOUNT}, {USAGE_TYPE}), and no rate to USD holds on that day: "
        "add one to seed currency_rates"
    )


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A build of one line that is before the first rate, with lines that have none for other reasons."""
    lines = [
        line("2024-12-31", USAGE_TYPE, "1M tokens", 1, 3, **EUROS),
        line("2025-02-01", USAGE_TYPE, "1M tokens", 1, 0, line_item_currency_code="GBP"),
        line("2025-03-01", USAGE_TYPE, "1M tokens", 1, 3, line_item_currency_code=None),
    ]
    path = tmp_path_factory.mktemp("refused") / "warehouse.duckdb"
    return path, build(path, lines=lines, rates=RATES_BY_HAND, select="stg_aws_billing__line_items")


def test_line_without_a_rate_stops_the_build_with_a_sentence(refused):
    _, built = refused
    assert built.returncode != 0
    assert sentence("2024-12 has a line of 2024-12-31 in EUR") in " ".join(built.stdout.split())


@pytest.mark.parametrize(
    ("month", "of"),
    [
        ("2024-12", "2024-12 has a line of 2024-12-31 in EUR"),
        ("2025-02", "2025-02 has a line of 2025-02-01 in GBP"),
        ("2025-03", "2025-03 has a line of 2025-03-01 in no currency"),
    ],
    ids=["before the first rate", "other currency, nothing to pay", "no currency"],
)
def test_sentence_names_day_currency_and_line(refused, month, of):
    path, _ = refused
    query = f"select sum(billed_cost_usd) from staging.stg_aws_billing__line_items where billing_period = '{month}'"
    with (
        duckdb.connect(str(path), read_only=True) as connection,
        pytest.raises(duckdb.Error, match=re.escape(sentence(of))),
    ):
        connection.execute(query).fetchall()


def in_euros(day: str) -> dict[str, list[dict]]:
    """Return $11 at a rate of 1.1 on the bills that are no CUR: 10 EUR of FOCUS, Cost Explorer and OpenAI on `day`."""
    dates = {"usage_date": date.fromisoformat(day), "landing_date": date.fromisoformat(day), "object_key": "page-1"}
    charge = {
        "billing_period": day[:7],
        "focus_version": "1.2",
        "billing_account_id": ACCOUNT,
        "sub_account_id": "222233334444",
        "provider_name": "AWS",
        "service_name": "Amazon Bedrock",
        "charge_category": "Usage",
        "charge_description": "tokens by the thousand",
        "billed_cost": Decimal(10),
        "effective_cost": Decimal(10),
        "list_cost": Decimal(20),
        "billing_currency": "EUR",
        "charge_period_start": datetime.fromisoformat(f"{day}T00:00:00+00:00"),
        "charge_period_end": datetime.fromisoformat(f"{day}T23:59:59+00:00"),
    }
    cost = {
        "account_id": ACCOUNT,
        "key_1_name": "SERVICE",
        "key_1_value": "Amazon Bedrock",
        "key_2_name": "USAGE_TYPE",
        "key_2_value": USAGE_TYPE,
        "record_type": "Usage",
        "unblended_cost": Decimal(10),
        "amortized_cost": Decimal(10),
        "currency_code": "EUR",
        "is_estimated": False,
    }
    bucket = {"project_id": "proj_docs", "line_item": "gpt-4o, input", "amount": Decimal(10), "currency_code": "EUR"}
    return {
        "focus_charges": [charge],
        "focus_invoice_totals": [charge | {"is_landed": True, "line_count": 1}],
        "cost_explorer_daily_costs": [dates | cost],
        "openai_cost_buckets": [dates | bucket],
    }


def test_other_bills_are_converted_and_keep_what_they_say(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    select = "+int_bill_lines_unioned stg_focus__invoice_totals stg_aws_billing__invoice_totals"
    built = build(path, lines=(), rates=RATES_BY_HAND, select=select, more=in_euros("2025-06-02"))
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    assert "PASS assert_landed_lines_meet_their_totals" in built.stdout
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            """select billing_source, currency_code, billed_cost, effective_cost, billed_cost_usd
            from intermediate.int_bill_lines_unioned order by all"""
        ).fetchall()
    assert rows == [
        (source, "EUR", Decimal(10), Decimal(10), Decimal(11))
        for source in ("aws_cost_explorer", "aws_focus", "openai_costs")
    ]


NO_RATE = "and no rate to USD holds on that day: add one to seed currency_rates"
REFUSALS = {
    "stg_focus__charges": (
        "The FOCUS bill of 2024-12 has a charge of 2024-12-31 in EUR (account 222233334444, tokens by the thousand), "
    ),
    "stg_cost_explorer__daily_costs": (
        f"Cost Explorer has a cost of 2024-12-31 in EUR (account {ACCOUNT}, Usage, Amazon Bedrock, {USAGE_TYPE}), "
    ),
    "stg_openai__cost_buckets": (
        "The bill of OpenAI has a cost of 2024-12-31 in EUR (project proj_docs, gpt-4o, input), "
    ),
}


@pytest.fixture(scope="module")
def other_bills_refused(tmp_path_factory):
    """A build of bills whose day is before the first rate."""
    path = tmp_path_factory.mktemp("others_refused") / "warehouse.duckdb"
    return build(path, lines=(), rates=RATES_BY_HAND, select=" ".join(REFUSALS), more=in_euros("2024-12-31"))


@pytest.mark.parametrize("model", REFUSALS)
def test_other_bills_without_a_rate_stop_the_build_with_a_sentence(other_bills_refused, model):
    assert other_bills_refused.returncode != 0
    assert REFUSALS[model] + NO_RATE in " ".join(other_bills_refused.stdout.split())
