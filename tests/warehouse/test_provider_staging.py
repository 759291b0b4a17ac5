"""Staging of what providers say of usage and costs: built by dbt over rows as they land."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb

from ai_finops.extract.openai import REPORTS
from tests.warehouse.tiny_lake import make_raw, run_dbt

DAY = date(2025, 6, 4)
DATES = {"usage_date": DAY, "landing_date": DAY}
TINY = Decimal("0.000000000001")
COST = {
    "unblended_cost": TINY,
    "amortized_cost": 2,
    "currency_code": "USD",
    "is_estimated": True,
    "record_type": "Usage",
}
GROUP = {"key_1_name": "SERVICE", "key_1_value": "Amazon Bedrock", "key_2_name": "USAGE_TYPE"}
ROWS = {
    "cost_explorer_daily_costs": [
        {**DATES, **COST, **GROUP, "key_2_value": "USE1-NovaLite-input-tokens"},
        {**DATES, **COST, **GROUP, "key_2_name": None, "record_type": "Credit", "unblended_cost": -TINY},
    ],
    "cost_explorer_reported_days": [{**DATES, "is_estimated": True, "group_count": 2}],
    "openai_usage_buckets": [
        {
            **DATES,
            "usage_type": "completions",
            "said_input_tokens": 3,
            "uncached_input_tokens": 1,
            "cache_read_input_tokens": 2,
        }
    ],
    "openai_cost_buckets": [{**DATES, "amount": TINY, "currency_code": "USD", "line_item": "gpt-5, input"}],
    "openai_unread_fields": [{**DATES, "report": "costs", "field_name": "tax", "result_count": 1}],
    "anthropic_usage_buckets": [
        {
            **DATES,
            "uncached_input_tokens": 1,
            "cache_read_input_tokens": 2,
            "cache_write_5m_input_tokens": 3,
            "cache_write_1h_input_tokens": 4,
            "output_tokens": 5,
        }
    ],
    "anthropic_cost_buckets": [{**DATES, "amount_usd": TINY, "currency_code": "USD", "cost_type": "tokens"}],
    "anthropic_unread_fields": [{**DATES, "report": "cost_report", "field_name": "tax", "result_count": 1}],
}
USAGE_TYPES = [report.name.removeprefix("usage/") for report in REPORTS if report.table == "usage_buckets"]
WRONG = {
    "cost_explorer_daily_costs": [
        ROWS["cost_explorer_daily_costs"][0],
        ROWS["cost_explorer_daily_costs"][1] | {"unblended_cost": None},
        ROWS["cost_explorer_daily_costs"][1] | {"amortized_cost": None},
    ],
    "cost_explorer_reported_days": [{**DATES, "is_estimated": None}] * 2,
    "openai_usage_buckets": [
        ROWS["openai_usage_buckets"][0] | {"usage_type": "decisions"},
        ROWS["openai_usage_buckets"][0] | {"said_input_tokens": 4},
    ],
    "anthropic_usage_buckets": [ROWS["anthropic_usage_buckets"][0] | {"output_tokens": None}],
    "anthropic_cost_buckets": [ROWS["anthropic_cost_buckets"][0] | {"currency_code": None}],
}
FOUND = (
    "FAIL 1 not_null_stg_cost_explorer__daily_costs_billed_cost_usd ",
    "FAIL 1 not_null_stg_cost_explorer__daily_costs_amortized_cost_usd ",
    "FAIL 1 is_unique_by_stg_cost_explorer__daily_costs_",
    "FAIL 1 unique_stg_cost_explorer__reported_days_usage_date ",
    "FAIL 2 not_null_stg_cost_explorer__reported_days_is_estimated ",
    "FAIL 1 accepted_values_stg_openai__usage_buckets_usage_type__",
    "WARN 1 accepted_values_stg_openai__usage_buckets_is_sum_of_classes__",
    "FAIL 1 not_null_stg_anthropic__usage_buckets_output_tokens ",
    "FAIL 1 not_null_stg_anthropic__cost_buckets_currency_code ",
)
UNIT_TESTS = (
    "record_types_say_the_category",
    "group_keys_are_found_on_either_side",
    "cost_explorer_is_converted_at_the_rate_of_the_day",
    "line_items_say_model_class_and_processing",
    "openai_costs_are_converted_at_the_rate_of_the_day",
    "openai_tiers_say_the_processing",
    "input_classes_are_held_against_the_total",
    "token_types_say_the_class",
    "anthropic_tiers_say_the_processing",
)


def build(path, rows, *resource_types):
    make_raw(path, more=rows)
    types = [f"--resource-type={each}" for each in (*resource_types, "seed")]
    folders = [*(f"staging.{folder}" for folder in ("cost_explorer", "openai", "anthropic")), "currency_rates"]
    return run_dbt(path, "build", *types, "--select", *folders, as_of_date="2025-06-05")


def test_rows_as_they_land_pass_and_stay_exact(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    types = [{**DATES, "usage_type": each} for each in USAGE_TYPES if each != "completions"]
    rows = ROWS | {"openai_usage_buckets": [*ROWS["openai_usage_buckets"], *types]}
    built = build(path, rows, "model", "test", "unit_test")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    assert "WARN=0 ERROR=0 SKIP=0" in built.stdout
    assert not [name for name in UNIT_TESTS if f"::{name} " not in built.stdout]
    with duckdb.connect(str(path), read_only=True) as connection:
        for model, total in {
            "cost_explorer__daily_costs": 0,
            "openai__cost_buckets": TINY,
            "anthropic__cost_buckets": TINY,
        }.items():
            query = f"select sum(billed_cost_usd), any_value(typeof(billed_cost_usd)) from staging.stg_{model}"
            assert connection.execute(query).fetchall() == [(total, "DECIMAL(38,12)")]
        columns = connection.execute(
            "select column_name, data_type from information_schema.columns where table_schema = 'staging'"
        ).fetchall()
    # An all-null column is what it was cast to, never the integer that a guess would make of it.
    rates = {("usd_per_unit", "DECIMAL(18,12)")}
    assert {kind for _, kind in {*columns} - rates} == {
        "VARCHAR",
        "BIGINT",
        "INTEGER",
        "DECIMAL(38,12)",
        "BOOLEAN",
        "DATE",
    }
    assert {name for name, kind in columns if kind == "INTEGER"} == {"api_call_number", "tokens_per_unit"}


def test_what_cannot_be_built_stops_the_build(tmp_path):
    built = build(tmp_path / "warehouse.duckdb", ROWS | WRONG, "model", "test")
    assert built.returncode != 0
    assert not [line for line in FOUND if line not in built.stdout], built.stdout
    assert f"WARN=1 ERROR={len(FOUND) - 1} SKIP=0" in built.stdout
