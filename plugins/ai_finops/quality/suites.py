"""Every check of the audit, one suite of Great Expectations each."""

from __future__ import annotations

from ai_finops.quality import (
    anomaly_suites,
    backtest_suites,
    call_suites,
    closing_suites,
    cost_suites,
    day_suites,
    decision_suites,
    level_suites,
    projection_suites,
    review_suites,
    routing_suites,
    run_suites,
    watched,
    week_suites,
)
from ai_finops.quality.gx import Check

CONFIGURE = (
    call_suites.configure_llm_calls,
    cost_suites.configure_allocated_costs,
    cost_suites.configure_feature_costs,
    cost_suites.configure_reconciliations,
    cost_suites.configure_price_differences,
    closing_suites.configure_restatements,
    level_suites.configure_levels,
    level_suites.configure_journeys,
    level_suites.configure_focus_costs,
    call_suites.configure_unpriced_usage,
    call_suites.configure_instrumentation_gaps,
    routing_suites.configure_routing_decisions,
    call_suites.configure_unmapped_attributes,
    call_suites.configure_extract_outcomes,
    run_suites.configure_run_summaries,
    review_suites.configure_metrics,
    review_suites.configure_cache_opportunities,
    week_suites.configure_weekly_metrics,
    week_suites.configure_weekly_rerankers,
    review_suites.configure_unused_context,
    review_suites.configure_projections,
    backtest_suites.configure_backtests,
    projection_suites.configure_scenarios,
    projection_suites.configure_planned_features,
    projection_suites.configure_budgets,
    review_suites.configure_drivers,
    anomaly_suites.configure_baselines,
    anomaly_suites.configure_anomalies,
    anomaly_suites.configure_anomaly_drivers,
    review_suites.configure_savings,
    review_suites.configure_caching_advice,
    review_suites.configure_weekly_digest,
    decision_suites.configure_decision_results,
    decision_suites.configure_sprints,
    decision_suites.configure_rollout,
    watched.configure_watched,
    day_suites.configure_days,
)


def all_checks() -> list[Check]:
    """Return the checks of all marts, in the order of the flow."""
    return [check for configure in CONFIGURE for check in configure()]
