"""Published marts of any size for the page's bench. Synthetic: every number is made of a hash of its row, none was measured.

Rows are as many as 50 features over 400 days have: five pipelines, ten models, each day's projections kept as issued. Columns
that no rule here names are filled by their type.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

from ai_finops.build.marts import MARTS
from ai_finops.publish.write import STORAGE_VERSION
from tests.ui.published_marts import contracts, dimension_columns

AS_OF = date(2026, 7, 6)
"""A Monday."""
BUILD_ID = f"000400-{AS_OF}-5e5e5e5e"

# What a query may cross: days, weeks, features (`total` among them or not), and so on.
SETS = """
create table days as select cast(d as date) as day from range($first::date, $as_of::date, interval 1 day) as r(d);
create table weeks as select distinct cast(date_trunc('week', day) as date) as week from days;
create table months as select distinct cast(date_trunc('month', day) as date) as month from days;
create table features as select 'feature_' || lpad(n::varchar, 2, '0') as feature from range($feature_count::bigint) as r(n);
create table payers as from features union all select 'unattributed';
create table scopes as from features union all select 'total';
create table models as select 'vendor.model-' || n as model from range(10) as r(n);
create table pipelines as select 'pipeline_' || n as pipeline from range(5) as r(n);
create table slices as select * from (values
    ('token_amplification', 'task_type=extraction', 0.5, 0.8), ('token_amplification', 'task_type=classification', 0.5, 0.8),
    ('token_amplification', 'task_type=chat', null, null), ('routing_mix_call_ratio', 'tier=cheap', 0.5, 0.2),
    ('routing_mix_call_ratio', 'tier=expensive', 0.5, 0.9), ('routing_mix_call_ratio', 'tier=mid', null, null),
    ('routing_mix_spend_ratio', 'tier=cheap', null, null), ('routing_mix_spend_ratio', 'tier=expensive', null, null),
    ('retrieval_hit_document_ratio', 'evidence=citation', 0.55, 0.45), ('reranker_change_ratio', 'top_k=5', 0.2, 0.2),
    ('prompt_cache_read_ratio', 'all', null, null), ('cache_hit_ratio', 'similarity=exact', null, null),
    ('cache_right_hit_ratio', 'similarity=exact', 0.3, 0.4), ('repeated_query_ratio', 'window_s=300', null, null),
    ('retried_call_ratio', 'window_s=300', null, null), ('routing_escalation_ratio', 'all', 0.3, 0.5)
) as s(metric, slice, healthy, warning);
"""
_CELL = {"provider_name": "'aws.bedrock'", "billing_account_id": "'111122223333'", "charge_category": "'usage'"}
_BILLED = {"cost_status": "'billed'", "corrected_month": "null", "corrected_charge_category": "null"}
_STATUS = {
    "status": "case when healthy is null then 'no_threshold' else "
    "(['healthy', 'healthy', 'healthy', 'watch', 'warning', 'insufficient'])[1 + (row_hash % 6)::bigint] end"
}
_NAMES = {"display_name": "feature", "feature_id": "feature"}
_BAND = {
    "projected_cost_usd": "20 + row_hash % 100",
    "low_cost_usd": "10 + row_hash % 100",
    "high_cost_usd": "30 + row_hash % 100",
}


@dataclass(frozen=True, slots=True)
class Made:
    """How the rows of a mart are made."""

    rows: str
    """What follows `from`: the sets that are crossed."""
    columns: dict[str, str] = field(default_factory=dict)
    """Expressions of the columns that are not filled by their type; `row_hash` is the row's own number."""


MADE = {
    "fct_daily_feature_costs": Made(
        "days, payers", {**_NAMES, **_BILLED, "usage_date": "day", "user_count": "row_hash % 90"}
    ),
    "fct_daily_allocated_costs": Made(
        "days, payers, pipelines",
        {
            **_CELL,
            **_BILLED,
            "usage_date": "day",
            "feature_id": "feature",
            "pipeline_id": "pipeline",
            "model_id": "'vendor.model-' || row_hash % 10",
            "attribution": "'traced'",
        },
    ),
    "fct_daily_reconciliations": Made(
        "days, models, (values ('uncached_input'), ('cache_read_input'), ('output'), ('search_unit')) as t(token_class), "
        "(values ('regional'), ('global')) as r(region)",
        {
            **_CELL,
            **_BILLED,
            "usage_date": "day",
            "model_id": "model",
            "token_class": "token_class",
            "region_scope": "region",
            "processing": "'on_demand'",
            "cell_grain": "'model'",
            "coverage_basis": "'tokens'",
            "billed_cost_usd": "10 + row_hash % 5",
            "allocated_cost_usd": "9",
            "unattributed_cost_usd": "1 + row_hash % 5",
            "coverage_pct": "90.0",
            "rounding_cost_usd": "0",
            "is_settled": "true",
        },
    ),
    "fct_monthly_feature_costs": Made(
        "months, payers",
        {
            **_NAMES,
            **_CELL,
            **_BILLED,
            "usage_month": "month",
            "is_closed": "false",
            "version": "0",
            "closed_at_date": "null",
        },
    ),
    "fct_daily_price_differences": Made(
        "days, models",
        {**_CELL, "usage_date": "day", "model_id": "model", "token_class": "'output'", "reason": "'other_price'"},
    ),
    "rpt_daily_api_costs": Made("days, models", {**_CELL, **_BILLED, "usage_date": "day", "model_id": "model"}),
    "rpt_daily_service_costs": Made(
        "days, (select 'service_' || n as service from range(8) as r(n))",
        {**_BILLED, "usage_date": "day", "service_name": "service"},
    ),
    "rpt_daily_pipeline_costs": Made(
        "days, payers, pipelines", {**_BILLED, "usage_date": "day", "feature_id": "feature", "pipeline_id": "pipeline"}
    ),
    "rpt_feature_value": Made("months, payers", {**_NAMES, **_BILLED, "usage_month": "month"}),
    "rpt_journey_costs": Made(
        "months, (select 'journey_' || n as journey from range(10) as r(n))",
        {**_BILLED, "start_month": "month", "journey_name": "journey", "entry_feature_id": "'feature_00'"},
    ),
    "rpt_instrumentation_coverage": Made(
        "months, models, (select 'service_' || n as service from range(8) as r(n))",
        {**_CELL, "usage_month": "month", "model_id": "model", "service_name": "service"},
    ),
    "fct_daily_unpriced_usage": Made(
        "days, models", {**_CELL, "usage_date": "day", "request_model": "model", "cost_reason": "'no_usage'"}
    ),
    "fct_daily_instrumentation_gaps": Made(
        "days, models, (values ('lib_a'), ('lib_b')) as l(lib)",
        {
            **_CELL,
            "usage_date": "day",
            "request_model": "model",
            "scope_name": "lib",
            "reason": "'no_usage'",
            "usage_gap": "'not_said'",
        },
    ),
    "fct_daily_unmapped_attributes": Made(
        "days, (select 'attribute.' || n as attribute from range(5) as r(n))",
        {"landing_date": "day", "attribute_name": "attribute"},
    ),
    "fct_daily_extract_outcomes": Made(
        "days, (values ('traces'), ('billing'), ('cloudwatch')) as s(source)",
        {"landing_date": "day", "source": "source", "status": "'loaded'", "error": "null"},
    ),
    "fct_daily_run_summaries": Made(
        "days, (values ('land_traces'), ('land_billing'), ('land_cloudwatch'), ('build_costs')) as s(station)",
        {"run_date": "day", "station_name": "station", "status": "'loaded'", "api_cost_reason": "null"},
    ),
    "fct_daily_metrics": Made(
        "days, scopes, slices",
        {
            **_STATUS,
            "usage_date": "day",
            "feature_id": "feature",
            "dimension": "slice",
            "metric_name": "metric",
            "healthy_bound": "healthy",
            "warning_bound": "warning",
        },
    ),
    "fct_weekly_metrics": Made(
        "weeks, scopes, (from slices union all values ('weekly_cost_to_projection_ratio', 'all', 1.1, 1.2), "
        "('feature_cost_share_ratio', 'all', 0.4, 0.55))",
        {
            **_STATUS,
            "week_start_date": "week",
            "feature_id": "feature",
            "dimension": "slice",
            "metric_name": "metric",
            "healthy_bound": "healthy",
            "warning_bound": "warning",
            "healthy_lower_bound": "null",
            "trend": "'rising'",
            "is_complete_week": "true",
            "covered_day_count": "7",
        },
    ),
    "fct_cost_projections": Made(
        "(select day as issued from days where day > $first union select $as_of), scopes, "
        "(values ('as_is'), ('with_planned_features'), ('with_open_decisions')) as s(scenario), range(24) as t(step)",
        {
            **_BAND,
            "as_of_date": "issued",
            "feature_id": "feature",
            "scenario": "scenario",
            "target_period": "if(step < 7, 'month', 'day')",
            "month_number": "if(step < 7, step, null)",
            "target_date": "if(step < 7, date_trunc('month', issued + to_months(step)), issued + (step - 7)::integer)::date",
            "actual_cost_usd": "if(step = 0, 5, null)",
            "actual_status": "if(step = 0, 'known', null)",
            "missing_day_count": "if(step = 0, 0, null)",
            "status": "'ok'",
            "method": "'linear_trend'",
            "error_horizon": "'7d'",
        },
    ),
    "rpt_planned_features": Made(
        "range(3) as r(n)",
        {
            "feature_id": "'feature_0' || n",
            "pipeline_id": "'pipeline_0'",
            "plan_status": "'applied'",
            "order_number": "n + 1",
            "cost_factor": "1.5",
            "share_ratio": "0.5",
            "launch_date": "$as_of + 30",
        },
    ),
    "rpt_budgets": Made(
        "scopes, range(7) as r(n)",
        {
            **_BAND,
            "feature_id": "feature",
            "status": "'within'",
            "budget_month": "(date_trunc('month', $as_of) + to_months(n))::date",
            "budget_cost_usd": "150",
        },
    ),
    "fct_projection_errors": Made(
        "(select week as issued from weeks union select $as_of), scopes, "
        "(values ('in_use'), ('linear_trend'), ('last_week'), ('mean_7d'), ('auto_ets')) as m(method), "
        "(values ('7d'), ('14d'), ('month_end')) as h(horizon)",
        {
            "as_of_date": "issued",
            "feature_id": "feature",
            "method": "method",
            "horizon": "horizon",
            "status": "'measured'",
        },
    ),
    "fct_cost_drivers": Made(
        "weeks, payers, (values ('volume'), ('model_mix'), ('tokens_per_call')) as d(driver)",
        {"week_start_date": "week", "feature_id": "feature", "driver": "driver"},
    ),
    "fct_daily_cost_baselines": Made(
        "days, scopes",
        {
            **_BILLED,
            "usage_date": "day",
            "feature_id": "feature",
            "is_anomaly": "row_hash % 50 = 0",
            "status": "if(row_hash % 50 = 0, 'spike', 'normal')",
        },
    ),
    "fct_cost_anomalies": Made(
        "(from marts.fct_daily_cost_baselines where is_anomaly)",
        {
            **_BILLED,
            "usage_date": "usage_date",
            "feature_id": "feature_id",
            "alert_id": "'alert_' || feature_id || usage_date",
            "status": "'spike'",
            "main_driver": "'volume'",
        },
    ),
    "fct_cost_anomaly_drivers": Made(
        "marts.fct_cost_anomalies, (values ('volume'), ('model_mix'), ('new_caller'), ('tokens_per_call')) as d(driver)",
        {"usage_date": "usage_date", "feature_id": "feature_id", "driver": "driver"},
    ),
    "fct_savings_opportunities": Made(
        "(select day + 1 as issued from days), features, range(3) as r(n)",
        {
            "as_of_date": "issued",
            "feature_id": "feature",
            "opportunity_id": "'routing:' || feature || n",
            "lever": "'routing_by_task_type'",
            "target_model_id": "'vendor.model-1'",
            "current_model_id": "'vendor.model-2'",
            "status": "if(n = 0, 'open', 'rejected')",
            "rank": "row_number() over (partition by issued order by n, feature)",
            "evidence": "repeat('4,998 calls on 7 of the trailing 7 days, same tokens at list prices. ', 3)",
        },
    ),
    "rpt_caching_vs_distillation": Made(
        "features, (values ('semantic_cache'), ('distillation'), ('cache_and_distillation'), ('keep_as_is')) as s(strategy)",
        {
            "as_of_date": "$as_of",
            "feature_id": "feature",
            "strategy": "strategy",
            "is_recommended": "strategy = 'keep_as_is'",
        },
    ),
    "fct_decision_results": Made(
        "range(10) as r(n), (from weeks order by week desc limit 30)",
        {
            "decision_id": "'decision-' || n",
            "feature_id": "'feature_00'",
            "status": "'measured'",
            "week_start_date": "week",
        },
    ),
    "rpt_sprints": Made(
        "(from weeks where epoch(week) % 1209600 < 604800)",
        {
            "sprint_start_date": "week",
            "sprint_end_date": "week + 13",
            "is_without_decision": "false",
            "is_finished": "true",
        },
    ),
    "rpt_rollout_readiness": Made(
        "range(7) as r(n)", {"measure_name": "'measure_' || n", "week_number": "1 + n // 2", "status": "'done'"}
    ),
    "rpt_weekly_rerankers": Made(
        "weeks, (from features limit 10)", {"week_start_date": "week", "feature_id": "feature"}
    ),
    "rpt_weekly_digest": Made(
        "weeks",
        {
            "week_start_date": "week",
            "as_of_date": "week + 7",
            "covered_day_count": "7",
            "previous_covered_day_count": "7",
            "missing_days": "null",
            "not_compared_reason": "null",
            "change_ratio": "0.08",
            "top_feature_id": "'feature_00'",
            "month_start_date": "date_trunc('month', week)::date",
            "projection_status": "'ok'",
            "projection_error_horizon": "'7d'",
            "main_driver": "'volume'",
            "main_driver_feature_id": "'feature_00'",
            "recommended_lever": "'routing_by_task_type'",
            "recommended_opportunity_id": "'routing:feature_000'",
            "recommended_target_model_id": "'vendor.model-1'",
            "recommended_current_model_id": "'vendor.model-2'",
        },
    ),
}


def publish_made(home: Path, *, day_count: int, feature_count: int) -> dict[str, int]:
    """Write a published build below `home` and make it the current one.

    Returns:
        Rows by mart.
    """
    folder = home / "published" / "builds" / BUILD_ID
    folder.mkdir(parents=True)
    bounds = {"first": AS_OF - timedelta(days=day_count), "as_of": AS_OF}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for statement in filter(str.strip, SETS.split(";")):
            connection.execute(_bound(statement.replace("$feature_count", str(feature_count)), bounds))
        connection.execute(f"attach '{folder / 'marts.duckdb'}' as marts (storage_version '{STORAGE_VERSION}')")
        counts = {mart: _make(connection, mart, bounds) for mart in contracts()}
        _add_dimensions(connection)
        connection.execute("detach marts")
    record = {"build_id": BUILD_ID, "as_of_date": str(AS_OF), "row_counts": counts}
    (folder / "build.json").write_text(json.dumps(record))
    (home / "published" / "current").symlink_to(f"builds/{BUILD_ID}")
    return counts


def _make(connection: duckdb.DuckDBPyConnection, mart: str, bounds: dict[str, date]) -> int:
    made, columns = MADE.get(mart), contracts()[mart]
    listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table marts.{mart} ({listed})")
    if made is None:
        return 0
    said = {name: made.columns.get(name, _filler(name, kind)) for name, kind in columns.items()}
    filled = ", ".join(f'cast({said[name]} as {kind}) as "{name}"' for name, kind in columns.items())
    numbered = f"select *, hash('{mart}', row_number() over ()) % 1000000 as row_hash from {made.rows}"
    # Ordered by the grain, as publishing does it.
    query = f"select {filled} from ({numbered}) order by {', '.join(MARTS[mart].grain)}"
    connection.execute(f"insert into marts.{mart} {_bound(query, bounds)}")
    return connection.execute(f"select count(*) from marts.{mart}").fetchone()[0]


def _bound(query: str, bounds: dict[str, date]) -> str:
    for name, day in bounds.items():
        query = query.replace(f"${name}", f"date '{day}'")
    return query


def _filler(name: str, kind: str) -> str:
    """Return an expression for a column that no rule names."""
    if kind == "bigint":
        return f"hash(row_hash, '{name}') % 1000"
    if kind == "double":
        return f"(hash(row_hash, '{name}') % 1000) / 1000.0"
    if kind.startswith("decimal"):
        return f"(hash(row_hash, '{name}') % 5000) / 100.0"
    if kind == "boolean":
        return f"hash(row_hash, '{name}') % 2 = 0"
    if kind == "varchar":
        return f"'{name.replace('_', ' ')}'"
    return "null" if kind != "date" else "$as_of - 1"


def _add_dimensions(connection: duckdb.DuckDBPyConnection) -> None:
    types = {
        "as_of_date": "date",
        "built_at": "timestamptz",
        "usage_month": "date",
        "version": "bigint",
        "is_current": "boolean",
    }
    types["closed_at_date"] = "date"
    for mart, names in dimension_columns().items():
        listed = ", ".join(f"{name} {types.get(name, 'varchar')}" for name in names)
        connection.execute(f"create table marts.{mart} ({listed})")
    connection.execute(
        "insert into marts.dim_builds by name select ? as build_id, ?::date as as_of_date, ?::timestamptz as built_at, "
        "'5e' as inputs_sha256, 'made' as project_version, 'made' as dbt_version, ? as duckdb_version",
        [BUILD_ID, AS_OF, f"{AS_OF} 08:00:00+00", duckdb.__version__],
    )
