"""The marts that a build makes: their grain, and the dbt phase that makes them.

The audit checks that each mart is unique by its grain, and publishing orders its rows by it, so that the same content is
the same file. Columns and types are the dbt contracts' business (`dbt_project/models/marts/_marts__models.yml`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mart:
    """One table of schema `marts`."""

    name: str
    phase: str
    grain: tuple[str, ...]
    """Columns that together are different in every row; a null counts as a value."""


_CELL = ("provider_name", "billing_account_id", "model_id", "token_class", "region_scope", "processing", "cell_grain")
_ALLOCATION = ("feature_id", "pipeline_id", "service_name", "provider_name", "billing_account_id", "model_id")
_CORRECTED = ("corrected_month", "corrected_charge_category")

MARTS: dict[str, Mart] = {
    mart.name: mart
    for mart in (
        Mart("fct_llm_calls", "phase_1", ("call_id",)),
        Mart(
            "fct_daily_allocated_costs",
            "phase_1",
            (
                "usage_date",
                "charge_category",
                *_ALLOCATION,
                "model_tier",
                "task_type",
                "attribution",
                "unattributed_reason",
                "cost_status",
                *_CORRECTED,
            ),
        ),
        Mart("fct_daily_feature_costs", "phase_1", ("usage_date", "feature_id")),
        Mart("fct_daily_reconciliations", "phase_1", ("usage_date", "charge_category", *_CELL, *_CORRECTED)),
        Mart(
            "fct_monthly_feature_costs",
            "phase_1",
            ("usage_month", "provider_name", "billing_account_id", "feature_id", "charge_category", *_CORRECTED),
        ),
        Mart(
            "fct_monthly_cost_restatements",
            "phase_1",
            ("usage_month", "provider_name", "billing_account_id", "feature_id", "charge_category"),
        ),
        Mart(
            "rpt_daily_api_costs",
            "phase_1",
            ("usage_date", "charge_category", "provider_name", "billing_account_id", "model_id"),
        ),
        Mart(
            "fct_daily_price_differences",
            "phase_1",
            (
                *("usage_date", "provider_name", "billing_account_id", "model_id", "token_class", "region_scope"),
                "processing",
            ),
        ),
        Mart("rpt_daily_service_costs", "phase_1", ("usage_date", "service_name")),
        Mart("rpt_daily_pipeline_costs", "phase_1", ("usage_date", "pipeline_id", "feature_id")),
        Mart("rpt_feature_value", "phase_1", ("usage_month", "feature_id")),
        Mart("rpt_journey_costs", "phase_1", ("start_month", "journey_name", "entry_feature_id")),
        Mart(
            "rpt_instrumentation_coverage",
            "phase_1",
            ("usage_month", "provider_name", "billing_account_id", "service_name", "model_id"),
        ),
        Mart("rpt_focus_costs", "phase_1", ("x_RowId",)),
        Mart("fct_daily_unpriced_usage", "phase_1", ("usage_date", "provider_name", "request_model", "cost_reason")),
        Mart(
            "fct_daily_instrumentation_gaps",
            "phase_1",
            ("usage_date", "scope_name", "service_name", "provider_name", "request_model", "reason", "usage_gap"),
        ),
        Mart(
            "fct_daily_routing_decisions",
            "phase_1",
            (
                *("usage_date", "feature_id", "policy_id", "first_model_id", "model_id", "task_type", "policy_version"),
                *("strategy", "reason", "tier"),
            ),
        ),
        Mart("fct_daily_unmapped_attributes", "phase_1", ("landing_date", "attribute_name", "service_name")),
        Mart("fct_daily_extract_outcomes", "phase_1", ("source", "landing_date")),
        Mart("fct_daily_run_summaries", "phase_1", ("run_date", "station_name")),
        Mart("dim_days", "phase_1", ("usage_date",)),
        Mart("fct_daily_metrics", "phase_2", ("usage_date", "feature_id", "dimension", "metric_name")),
        Mart("fct_daily_cache_opportunities", "phase_2", ("usage_date", "feature_id", "embedder_id", "similarity")),
        Mart("fct_weekly_metrics", "phase_2", ("week_start_date", "feature_id", "dimension", "metric_name")),
        Mart("rpt_weekly_rerankers", "phase_1", ("week_start_date", "feature_id")),
        Mart("rpt_unused_context", "phase_1", ("usage_date", "feature_id", "evidence")),
        Mart(
            "fct_cost_projections", "phase_2", ("as_of_date", "feature_id", "scenario", "target_period", "target_date")
        ),
        Mart("rpt_planned_features", "phase_2", ("feature_id", "pipeline_id")),
        Mart("rpt_budgets", "phase_2", ("feature_id", "budget_month")),
        Mart("fct_projection_backtests", "phase_2", ("origin_date", "feature_id", "method", "horizon")),
        Mart("fct_projection_errors", "phase_2", ("as_of_date", "feature_id", "method", "horizon")),
        Mart("fct_cost_drivers", "phase_2", ("week_start_date", "feature_id", "driver", "detail")),
        Mart("fct_daily_cost_baselines", "phase_2", ("usage_date", "feature_id")),
        Mart("fct_cost_anomalies", "phase_2", ("usage_date", "feature_id")),
        Mart("fct_cost_anomaly_drivers", "phase_2", ("usage_date", "feature_id", "driver", "detail")),
        Mart("fct_savings_opportunities", "phase_2", ("as_of_date", "opportunity_id")),
        Mart("rpt_caching_vs_distillation", "phase_2", ("as_of_date", "feature_id", "strategy")),
        Mart("rpt_weekly_digest", "phase_2", ("week_start_date",)),
        Mart("fct_decision_results", "phase_2", ("decision_id", "week_start_date")),
        Mart("rpt_sprints", "phase_2", ("sprint_start_date",)),
        Mart("rpt_rollout_readiness", "phase_2", ("week_number", "measure_name")),
    )
}
"""Every mart by name."""


def marts_of(phase: str) -> list[Mart]:
    """Return the marts that `phase` makes."""
    return [mart for mart in MARTS.values() if mart.phase == phase]
