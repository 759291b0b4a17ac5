"""The exact columns of each analysis, so that an empty result is as typed as a full one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pyarrow as pa

MONEY = pa.decimal128(18, 6)
MICRO_USD = Decimal("0.000001")

PROJECTIONS = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("feature_id", pa.string()),
        ("scenario", pa.string()),
        ("target_period", pa.string()),
        ("target_date", pa.date32()),
        ("month_number", pa.int64()),
        ("actual_cost_usd", MONEY),
        ("actual_status", pa.string()),
        ("missing_day_count", pa.int64()),
        ("projected_cost_usd", MONEY),
        ("low_cost_usd", MONEY),
        ("high_cost_usd", MONEY),
        ("method", pa.string()),
        ("status", pa.string()),
        ("window_day_count", pa.int64()),
        ("error_horizon", pa.string()),
        ("wape_ratio", pa.float64()),
        ("bias_ratio", pa.float64()),
        ("coverage_ratio", pa.float64()),
        ("error_origin_count", pa.int64()),
        ("is_backcast", pa.bool_()),
    ]
)

PROJECTION_ERRORS = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("feature_id", pa.string()),
        ("method", pa.string()),
        ("horizon", pa.string()),
        ("horizon_days", pa.int64()),
        ("origin_count", pa.int64()),
        ("wape_ratio", pa.float64()),
        ("bias_ratio", pa.float64()),
        ("coverage_ratio", pa.float64()),
        ("method_in_use", pa.string()),
        ("is_in_use", pa.bool_()),
        ("status", pa.string()),
    ]
)

PROJECTION_BACKTESTS = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("feature_id", pa.string()),
        ("method", pa.string()),
        ("horizon", pa.string()),
        ("horizon_day_count", pa.int64()),
        ("known_day_count", pa.int64()),
        ("last_target_date", pa.date32()),
        ("projected_cost_usd", MONEY),
        ("low_cost_usd", MONEY),
        ("high_cost_usd", MONEY),
        ("actual_cost_usd", MONEY),
        ("absolute_error_usd", MONEY),
        ("interval_scale", pa.float64()),
        ("is_in_interval", pa.bool_()),
        ("is_method_in_use", pa.bool_()),
        ("status", pa.string()),
    ]
)

COST_DRIVERS = pa.schema(
    [
        ("week_start_date", pa.date32()),
        ("feature_id", pa.string()),
        ("driver", pa.string()),
        ("detail", pa.string()),
        ("contribution_cost_usd", MONEY),
    ]
)

DAILY_COST_BASELINES = pa.schema(
    [
        ("usage_date", pa.date32()),
        ("feature_id", pa.string()),
        ("baseline_kind", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("cost_status", pa.string()),
        ("allocated_cost_usd", MONEY),
        ("baseline_cost_usd", MONEY),
        ("excess_cost_usd", MONEY),
        ("baseline_ratio", pa.float64()),
        ("baseline_day_count", pa.int64()),
        ("anomaly_day_number", pa.int64()),
        ("is_anomaly", pa.bool_()),
        ("anomaly_start_date", pa.date32()),
    ]
)

COST_ANOMALY_DRIVERS = pa.schema(
    [
        ("usage_date", pa.date32()),
        ("feature_id", pa.string()),
        ("driver", pa.string()),
        ("detail", pa.string()),
        ("contribution_cost_usd", MONEY),
    ]
)

SAVINGS = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("opportunity_id", pa.string()),
        ("feature_id", pa.string()),
        ("lever", pa.string()),
        ("task_type", pa.string()),
        ("current_model_id", pa.string()),
        ("target_model_id", pa.string()),
        ("current_cost_usd_per_month", MONEY),
        ("target_cost_usd_per_month", MONEY),
        ("saving_usd_per_month", MONEY),
        ("low_saving_usd_per_month", MONEY),
        ("high_saving_usd_per_month", MONEY),
        ("ratio_name", pa.string()),
        ("ratio", pa.float64()),
        ("break_even_ratio", pa.float64()),
        ("head_ratio", pa.float64()),
        ("torso_ratio", pa.float64()),
        ("tail_ratio", pa.float64()),
        ("agreement_ratio", pa.float64()),
        ("agreement_sample_count", pa.int64()),
        ("upfront_cost_usd", MONEY),
        ("break_even_weeks", pa.float64()),
        ("evidence", pa.string()),
        ("missing_evidence", pa.string()),
        ("effort", pa.string()),
        ("owner", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("is_measured", pa.bool_()),
        ("rank", pa.int64()),
    ]
)

CACHE_CURVES = pa.schema(
    [
        ("usage_date", pa.date32()),
        ("feature_id", pa.string()),
        ("embedder_id", pa.string()),
        ("similarity", pa.float64()),
        ("query_count", pa.int64()),
        ("hit_count", pa.int64()),
        ("right_hit_count", pa.float64()),
        ("low_right_hit_count", pa.float64()),
        ("high_right_hit_count", pa.float64()),
        ("query_cost_usd", MONEY),
        ("hit_cost_usd", MONEY),
        ("saved_cost_usd", MONEY),
        ("low_saved_cost_usd", MONEY),
        ("high_saved_cost_usd", MONEY),
        ("is_calibrated", pa.bool_()),
    ]
)

CACHING_ADVICE = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("feature_id", pa.string()),
        ("strategy", pa.string()),
        ("diversity_basis", pa.string()),
        ("implementation_effort", pa.string()),
        ("maintenance_effort", pa.string()),
        ("expected_ratio_name", pa.string()),
        ("reason", pa.string()),
        ("query_count", pa.int64()),
        ("training_pair_count", pa.int64()),
        ("query_diversity_ratio", pa.float64()),
        ("drift_ratio", pa.float64()),
        ("expected_ratio", pa.float64()),
        ("break_even_ratio", pa.float64()),
        ("default_break_even_ratio", pa.float64()),
        ("latency_change_ms", pa.float64()),
        ("implementation_person_days", pa.float64()),
        ("maintenance_person_days_per_month", pa.float64()),
        ("saving_usd_per_month", MONEY),
        ("low_saving_usd_per_month", MONEY),
        ("high_saving_usd_per_month", MONEY),
        ("upfront_cost_usd", MONEY),
        ("break_even_weeks", pa.float64()),
        ("is_measured", pa.bool_()),
        ("is_recommended", pa.bool_()),
        ("is_rule_of_thumb", pa.bool_()),
        ("differs_from_rule", pa.bool_()),
    ]
)

PLANNED_FEATURES = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("feature_id", pa.string()),
        ("pipeline_id", pa.string()),
        ("status", pa.string()),
        ("plan_status", pa.string()),
        ("owner", pa.string()),
        ("reason", pa.string()),
        ("launch_date", pa.date32()),
        ("share_ratio", pa.float64()),
        ("assumed_multiplier", pa.float64()),
        ("is_default_multiplier", pa.bool_()),
        ("cost_factor", pa.float64()),
        ("order_number", pa.int64()),
        ("extra_cost_usd", MONEY),
        ("realised_multiplier", pa.float64()),
        ("realised_status", pa.string()),
        ("realised_day_count", pa.int64()),
        ("own_cost_usd", MONEY),
        ("others_cost_usd", MONEY),
    ]
)

BUDGETS = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("feature_id", pa.string()),
        ("budget_month", pa.date32()),
        ("month_number", pa.int64()),
        ("status", pa.string()),
        ("projection_status", pa.string()),
        ("method", pa.string()),
        ("error_horizon", pa.string()),
        ("owner", pa.string()),
        ("reason", pa.string()),
        ("budget_cost_usd", MONEY),
        ("actual_cost_usd", MONEY),
        ("projected_cost_usd", MONEY),
        ("low_cost_usd", MONEY),
        ("high_cost_usd", MONEY),
        ("budget_used_ratio", pa.float64()),
        ("projected_budget_ratio", pa.float64()),
        ("wape_ratio", pa.float64()),
        ("error_origin_count", pa.int64()),
        ("exceeded_date", pa.date32()),
        ("earliest_exceeded_date", pa.date32()),
        ("latest_exceeded_date", pa.date32()),
        ("days_until_exceeded", pa.int64()),
        ("least_days_until_exceeded", pa.int64()),
        ("most_days_until_exceeded", pa.int64()),
    ]
)


def to_table(rows: Iterable[Mapping[str, Any]], *, schema: pa.Schema) -> pa.Table:
    """Build a table of exactly `schema` from `rows`; no rows give a table of no rows."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def micros_to_money(micros: int | None) -> Decimal | None:
    """Return whole micro-dollars as US dollars."""
    return None if micros is None else to_money(Decimal(micros) / 1_000_000)


def to_money(value: Decimal | float) -> Decimal:
    """Round US dollars to the millionth, half to even. The one place where an estimate becomes money."""
    return Decimal(value).quantize(MICRO_USD, rounding=ROUND_HALF_EVEN)
