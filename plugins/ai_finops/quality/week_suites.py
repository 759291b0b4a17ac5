"""What must hold of the metrics by week."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.rules import (
    has_read_columns,
    is_between,
    is_filled,
    is_one_of,
    is_unique_by_grain,
    is_zero,
)

_METRICS = """
select
    *,
    cast(value is null and status in ('healthy', 'watch', 'warning') as integer) as unexplained_value_count,
    cast(status = 'warning' and (action is null or owner is null) as integer) as ownerless_warning_count,
    cast((trend = 'not_compared') <> (value_change is null) as integer) as unexplained_trend_count,
    cast(verdict = 'locked' and not is_complete_week as integer) as unfounded_verdict_count
from marts.fct_weekly_metrics
"""

_METRICS_AGAINST_DAYS = """
with weeks as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date, feature_id, dimension, metric_name,
        sum(numerator) as numerator, sum(denominator) filter (numerator is not null) as denominator
    from marts.fct_daily_metrics group by all
)
select
    week_start_date, feature_id, dimension, metric_name,
    cast(
        abs(coalesce(weekly.numerator, 0) - coalesce(weeks.numerator, 0)) > 0.000001
        or abs(coalesce(weekly.denominator, 0) - coalesce(weeks.denominator, 0)) > 0.000001
    as integer) as other_sum_count
from weeks full join (
    select * from marts.fct_weekly_metrics
    where metric_name not in ('weekly_cost_to_projection_ratio', 'feature_cost_share_ratio')
) as weekly using (week_start_date, feature_id, dimension, metric_name)
order by week_start_date, feature_id, dimension, metric_name
"""

_RERANKERS = """
select
    *,
    cast(
        compared_count > rerank_count or changed_count > compared_count or judged_count > compared_count
        or gained_hit_count + lost_hit_count > judged_count
    as integer) as broken_part_count
from marts.rpt_weekly_rerankers
"""

_RERANKERS_AGAINST_CALLS = """
with reranks as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        coalesce(feature_id, 'total') as feature_id,
        count(*) as rerank_count,
        cast(sum(allocated_cost_usd) as decimal(18, 6)) as cost_usd
    from marts.fct_llm_calls
    where operation_name = 'rerank'
    group by grouping sets ((1, feature_id), (1))
)
select
    week_start_date, feature_id,
    coalesce(rerankers.rerank_count, 0) - coalesce(reranks.rerank_count, 0) as difference_rerank_count,
    cast((rerankers.allocated_cost_usd - coalesce(reranks.cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from marts.rpt_weekly_rerankers as rerankers full join reranks using (week_start_date, feature_id)
order by week_start_date, feature_id
"""


def configure_weekly_metrics() -> list[Check]:
    """A week says what it is made of, how it stands and who acts; its sums are those of its days."""
    mart = "fct_weekly_metrics"
    return [
        Check(
            mart,
            mart,
            _METRICS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "week_start_date", "metric_name", "feature_id", "status", "trend", why="What is measured, of whom."
                ),
                is_one_of(
                    "status",
                    "healthy",
                    "watch",
                    "warning",
                    "insufficient",
                    "no_threshold",
                    why="Known states of a metric.",
                ),
                is_zero("unexplained_value_count", why="No value has no verdict."),
                is_zero("ownerless_warning_count", why="A warning says what to do, and who."),
                is_zero("unexplained_trend_count", why="A week is compared, or it says that it is not."),
                is_zero("unfounded_verdict_count", why="Half a week locks nothing."),
                is_between("covered_day_count", 0, 7, why="Days of a week."),
                is_between("unknown_day_count", 0, 7, why="Days of a week."),
                is_between("sample_count", 0, None, why="A count."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_days",
            _METRICS_AGAINST_DAYS,
            (is_zero("other_sum_count", why="A week is the sum of its days."),),
        ),
    ]


def configure_weekly_rerankers() -> list[Check]:
    """A reranker's verdict has its reason, and parts are no more than the whole."""
    mart = "rpt_weekly_rerankers"
    return [
        Check(
            mart,
            mart,
            _RERANKERS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "week_start_date", "feature_id", "verdict", "reason", why="What was decided, of whom, and why."
                ),
                is_one_of(
                    "verdict",
                    "useful",
                    "redundant",
                    "harmful",
                    "unproven",
                    "insufficient",
                    "no_threshold",
                    why="Known verdicts.",
                ),
                is_zero("broken_part_count", why="Changed and judged reranks are among the compared ones."),
                is_between("change_ratio", 0, 1, why="A share."),
                is_between("covered_day_count", 0, 7, why="Days of a week."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_calls",
            _RERANKERS_AGAINST_CALLS,
            (
                is_zero("difference_rerank_count", why="Each call of a reranker is in its week."),
                is_zero("difference_micro_usd", why="What rerankers cost is what their calls pay, where it is known."),
            ),
        ),
    ]
