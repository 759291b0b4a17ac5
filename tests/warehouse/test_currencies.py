"""A bill in another currency: converted by dated rates all the way to the feature, or refused with the day that has none."""

from __future__ import annotations

import re
from datetime import date
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


def build(path, *, lines, rates, select):
    make_raw(path, lines=lines, spans=SPANS)
    put_seed(path, "currency_rates", RATES, rates)
    arguments = (f"--select={select}", "--exclude=currency_rates", "--exclude-resource-type=unit_test")
    return run_dbt(path, "build", *arguments, as_of_date="2025-06-04")


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
