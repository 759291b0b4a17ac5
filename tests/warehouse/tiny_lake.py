"""A lake small enough to be worked out by hand, as the raw schema of a warehouse, and dbt run over it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ai_finops.analyse.schemas import (
    BUDGETS,
    CACHE_CURVES,
    CACHING_ADVICE,
    COST_ANOMALY_DRIVERS,
    COST_DRIVERS,
    DAILY_COST_BASELINES,
    PLANNED_FEATURES,
    PROJECTION_BACKTESTS,
    PROJECTION_ERRORS,
    PROJECTIONS,
    SAVINGS,
)
from ai_finops.build.parsing import process_arguments
from ai_finops.build.raw_views import API_CALLS, CLOSED_PERIODS, OUTCOMES, STATION_RUNS
from ai_finops.closing.frozen_rows import FROZEN_TABLES
from ai_finops.lake_schemas import (
    DERIVED_TABLES,
    EXACT,
    OBJECTS,
    QUARANTINE,
    QUERY_CALLS,
    QUERY_NEIGHBOURS,
    SOURCE_TABLES,
)
from ai_finops.pricing.catalog import export_prices
from ai_finops.pricing.price_table import FOREVER
from tests.dbt_forks import run_forked

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "dbt_project"
ACCOUNT = "111122223333"
SONNET = "us.anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_ID = "anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
HAIKU_ID = "anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "amazon.nova-lite-v1:0"
RERANK = "cohere.rerank-v3-5:0"

ANALYSES = {
    "analysis_projections": PROJECTIONS,
    "analysis_projection_backtests": PROJECTION_BACKTESTS,
    "analysis_projection_errors": PROJECTION_ERRORS,
    "analysis_planned_features": PLANNED_FEATURES,
    "analysis_budgets": BUDGETS,
    "analysis_cost_drivers": COST_DRIVERS,
    "analysis_savings": SAVINGS,
    "analysis_queries": QUERY_NEIGHBOURS,
    "analysis_query_calls": QUERY_CALLS,
    "analysis_daily_cost_baselines": DAILY_COST_BASELINES,
    "analysis_cost_anomaly_drivers": COST_ANOMALY_DRIVERS,
    "analysis_cache_curves": CACHE_CURVES,
    "analysis_caching_advice": CACHING_ADVICE,
}


def at(text: str) -> datetime:
    """Read `2025-06-02 10:00` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(span_id: str, started_at: str, model: str, **changes: Any) -> dict[str, Any]:
    """Return one LLM call span of feature support_chat; `changes` are columns of the lake."""
    started = at(started_at)
    usage = ("uncached_input_tokens", "output_tokens", "cache_read_input_tokens", "search_unit_count")
    row = {
        "trace_id": f"trace-{span_id}",
        "span_id": span_id,
        "span_name": "chat",
        "started_at": started,
        "ended_at": started + timedelta(seconds=2),
        "service_name": "support-api",
        "account_id": ACCOUNT,
        "dialect": "semconv",
        "operation_name": "chat",
        "provider_name": "aws.bedrock",
        "request_model": model,
        "feature_id": "support_chat",
        "pipeline_id": "rag_answer",
        "task_type": "chat",
        "user_id": "user-1",
        "attribute_count": 10,
        "usage_figure_count": sum(changes.get(name) is not None for name in usage),
        "has_usage": any(changes.get(name) is not None for name in usage),
        "object_key": f"{started:%Y-%m-%d}/a.json",
        "object_line": 1,
        "landing_date": started.date(),
    }
    return row | changes


def line(usage_date: str, usage_type: str, unit: str, amount: float, cost_usd: float, **changes: Any) -> dict[str, Any]:
    """Return one usage line of the bill; `changes` are columns of the lake."""
    started = at(usage_date)
    row = {
        "billing_period": usage_date[:7],
        "bill_billing_entity": "AWS",
        "bill_payer_account_id": ACCOUNT,
        "line_item_usage_account_id": ACCOUNT,
        "line_item_usage_account_name": "production",
        "line_item_usage_start_date": started,
        "line_item_usage_end_date": started + timedelta(days=1),
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": usage_type,
        "line_item_operation": "InvokeModelInference",
        "line_item_line_item_description": f"{usage_type or 'Charge'} at the price of the day",
        "line_item_line_item_type": "Usage",
        "line_item_usage_amount": amount,
        "line_item_unblended_cost": cost_usd,
        "line_item_currency_code": "USD",
        "pricing_unit": unit,
        "pricing_public_on_demand_cost": cost_usd,
        "product": {"product_name": "Amazon Bedrock"},
        "resource_tags": {},
        "object_key": "cur.parquet",
    }
    return row | changes


def outcome(source: str, landing_date: str, **changes: Any) -> dict[str, Any]:
    """Return the outcome of one landing that loaded one record; one that says `failed` left nothing in the lake."""
    day = date.fromisoformat(landing_date)
    row = {
        "source": source,
        "landing_date": day,
        "status": "loaded",
        "as_of_date": day + timedelta(days=1),
        "extracted_at": at(f"{day + timedelta(days=1)} 06:00"),
        **{f"{name}_count": 0 for name in ("ignored", "quarantined", "duplicate")},
        "read_count": 1,
        "loaded_count": 1,
        "bytes_read": 100,
        "api_call_count": 2,
        "partitions": [] if changes.get("status") == "failed" else [landing_date],
    }
    return row | changes


def make_raw(
    path: Path,
    *,
    spans: Iterable[Mapping] = (),
    lines: Iterable[Mapping] = (),
    invoice_totals: Iterable[Mapping] | None = None,
    outcomes: Iterable[Mapping] = (),
    analyses: Mapping[str, Iterable[Mapping]] | None = None,
    more: Mapping[str, Iterable[Mapping]] | None = None,
) -> None:
    """Write schema `raw` of a warehouse at `path`; without `analyses` it is one for phase 1.

    Left out, the totals of the bill are those of its lines. `more` are rows of other sources by raw table, such as
    `openai_cost_buckets`.
    """
    lines = list(lines)
    if invoice_totals is None:
        invoice_totals = [line | {"is_landed": True, "line_count": 1} for line in lines]
    landed = {"traces_spans": spans, "billing_line_items": lines, "billing_invoice_totals": invoice_totals} | dict(
        more or {}
    )
    schemas = {
        f"{source}_{table}": schema
        for source, of_source in (SOURCE_TABLES | DERIVED_TABLES).items()
        for table, schema in of_source.items()
    }
    tables = {
        **{name: (schema, landed.get(name, ())) for name, schema in schemas.items()},
        "extract_objects": (OBJECTS, ()),
        "extract_quarantine": (QUARANTINE, ()),
        "extract_outcomes": (OUTCOMES, outcomes),
        "extract_api_calls": (API_CALLS, landed.get("extract_api_calls", ())),
        "station_runs": (STATION_RUNS, landed.get("station_runs", ())),
        "closed_periods": (CLOSED_PERIODS, landed.get("closed_periods", ())),
        **{f"closed_{name}": (schema, landed.get(f"closed_{name}", ())) for name, schema in FROZEN_TABLES.items()},
        **({} if analyses is None else {name: (ANALYSES[name], analyses.get(name, ())) for name in ANALYSES}),
    }
    arrow = {
        name: pa.Table.from_pylist([_exact(row, schema) for row in rows], schema=schema)
        for name, (schema, rows) in tables.items()
    }
    arrow["prices"] = raw_prices(PROJECT / "seeds" / "price_overlay.csv")
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema raw")
        for name, table in arrow.items():
            connection.register("incoming", table)
            connection.execute(f"create table raw.{name} as select * from incoming")
            connection.unregister("incoming")


def raw_prices(overlay: Path) -> pa.Table:
    """Return `raw.prices` of a lake from which nothing was published yet: the current prices price all days."""
    prices = export_prices(overlay=overlay)
    for name, value in {"priced_from": pa.scalar(FOREVER), "priced_to": pa.scalar(None, pa.date32())}.items():
        prices = prices.append_column(name, pa.repeat(value, prices.num_rows))
    return prices


def put_seed(path: Path, name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    """Fill a seed of the warehouse at `path`; the build has to leave it out with `--exclude`."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema if not exists seeds")
        connection.execute(f"create table seeds.{name} ({columns})")
        for row in rows:
            connection.execute(f"insert into seeds.{name} values ({', '.join('?' * len(row))})", row)


def _exact(row: Mapping, schema: pa.Schema) -> dict:
    """Return a row with the amounts that the lake holds exactly as decimals; a test may write them as floats."""
    amounts = {field.name for field in schema if field.type == EXACT}
    return {
        name: Decimal(str(value)) if name in amounts and value is not None else value for name, value in row.items()
    }


def run_dbt(path: Path, *arguments: str, as_of_date: str, **more_vars: Any) -> subprocess.CompletedProcess[str]:
    """Run a dbt command on the warehouse at `path` as a build does; its output is in the result."""
    command = [*arguments, f"--vars={json.dumps({'as_of_date': as_of_date, **more_vars})}"]
    folder = path.parent
    given = process_arguments(PROJECT, report=folder / "report.json", folder=folder, target="duckdb", command=command)
    # A time zone east of UTC: no day in a mart may depend on where the build runs.
    environment = os.environ | {"AI_FINOPS_WAREHOUSE": str(path), "DO_NOT_TRACK": "1", "TZ": "Pacific/Auckland"}
    return run_forked(given, environment=environment, folder=folder)
