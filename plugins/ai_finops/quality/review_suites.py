"""What must hold of the marts of phase 2: metrics, projections, drivers, savings and the weekly digest."""

from __future__ import annotations

from ai_finops.quality.cost_suites import CENT_MICRO_USD
from ai_finops.quality.gx import Check, Severity
from ai_finops.quality.rules import (
    has_read_columns,
    has_rows,
    is_between,
    is_filled,
    is_one_of,
    is_unique_by_grain,
    is_zero,
    rows_of,
)

_METRICS = """
select *, cast(value is null and status in ('healthy', 'watch', 'warning') as integer) as unexplained_value_count
from marts.fct_daily_metrics
"""

_UNUSED_CONTEXT = """
select
    *,
    cast(
        unused_document_count > document_count or unused_tokens > input_tokens or unknown_cost_call_count > call_count
        or (unused_input_cost_usd is null) <> (unknown_cost_call_count = call_count)
    as integer) as broken_part_count
from marts.rpt_unused_context
"""

_UNUSED_CONTEXT_AGAINST_METRICS = """
select
    usage_date, feature_id, evidence,
    cast((coalesce(unused_input_cost_usd, 0) - coalesce(metrics.numerator, 0)) * 1000000 as bigint) as difference_micro_usd
from marts.rpt_unused_context as unused inner join marts.fct_daily_metrics as metrics using (usage_date, feature_id)
where metrics.metric_name = 'unused_document_cost_ratio' and metrics.dimension = 'evidence=' || unused.evidence
order by usage_date, feature_id, evidence
"""

_PROJECTED = """
select
    *,
    cast(
        (projected_cost_usd is null) <> (
            status = 'insufficient_history' or coalesce(actual_status in ('too_many_days_missing', 'unknown_cost'), false)
        )
        or low_cost_usd > projected_cost_usd or high_cost_usd < projected_cost_usd
    as integer) as broken_range_count,
    low_cost_usd - coalesce(actual_cost_usd, 0) as low_to_come_cost_usd,
    cast((wape_ratio is null) <> (error_horizon is null and error_origin_count = 0) as integer) as unexplained_error_count
from marts.fct_cost_projections
"""

_DRIVERS_BY_WEEK = """
with weeks as (
    select date_trunc('week', usage_date) as week_start_date, coalesce(sum(allocated_cost_usd), 0) as cost_usd
    from marts.fct_daily_allocated_costs where charge_category = 'usage' group by all
),
changes as (
    select now.week_start_date, now.cost_usd - before.cost_usd as change_cost_usd
    from weeks as now inner join weeks as before on before.week_start_date = now.week_start_date - interval 7 day
),
drivers as (
    select week_start_date, sum(contribution_cost_usd) as explained_cost_usd
    from marts.fct_cost_drivers group by all
)
select
    week_start_date,
    cast((coalesce(explained_cost_usd, 0) - coalesce(change_cost_usd, 0)) * 1000000 as bigint) as unexplained_micro_usd
from changes full join drivers using (week_start_date)
order by week_start_date
"""

_CACHE = """
select
    *,
    cast(
        is_calibrated <> (saved_cost_usd is not null)
        or low_saved_cost_usd > saved_cost_usd or high_saved_cost_usd < saved_cost_usd or high_saved_cost_usd > hit_cost_usd
    as integer) as broken_range_count,
    cast(hit_count > query_count as integer) as impossible_hit_count,
    cast(
        hit_count < lag(hit_count) over (partition by usage_date, feature_id, embedder_id order by similarity desc)
    as integer) as falling_curve_count
from marts.fct_daily_cache_opportunities
"""

_SAVINGS = """
select
    *,
    cast(
        low_saving_usd_per_month > saving_usd_per_month or high_saving_usd_per_month < saving_usd_per_month
    as integer) as broken_range_count,
    cast(status = 'rejected' and reason is null as integer) as unexplained_row_count,
    cast(status = 'open' and saving_usd_per_month > current_cost_usd_per_month as integer) as impossible_saving_count
from marts.fct_savings_opportunities
"""

_ADVICE = """
select
    *,
    cast(
        low_saving_usd_per_month > saving_usd_per_month or high_saving_usd_per_month < saving_usd_per_month
    as integer) as broken_range_count,
    cast(
        (is_recommended <> is_rule_of_thumb) <> differs_from_rule
        or count(*) filter (where is_recommended) over (partition by as_of_date, feature_id) <> 1
    as integer) as ambiguous_row_count
from marts.rpt_caching_vs_distillation
"""

_ADVICE_AGAINST_OPPORTUNITIES = """
select
    advice.feature_id, advice.strategy,
    cast(bool_and(advice.saving_usd_per_month <> savings.saving_usd_per_month) as integer) as other_saving_count
from marts.rpt_caching_vs_distillation as advice inner join marts.fct_savings_opportunities as savings
    on advice.as_of_date = savings.as_of_date and advice.feature_id = savings.feature_id and advice.strategy = savings.lever
group by all
order by all
"""

_DIGEST = """
select
    *,
    cast((previous_total_cost_usd is null) <> (not_compared_reason is not null) as integer) as unexplained_comparison_count,
    cast(main_driver is not null and not_compared_reason is not null as integer) as unfounded_driver_count,
    case when week_start_date >= $as_of_date - 14 then top_feature_share_ratio end as newest_top_share_ratio
from marts.rpt_weekly_digest
"""

_DIGEST_AGAINST_COSTS = """
with weeks as (
    select date_trunc('week', usage_date) as week_start_date, sum(allocated_cost_usd) as cost_usd
    from marts.fct_daily_feature_costs group by all
)
select
    week_start_date,
    cast((coalesce(total_cost_usd, 0) - coalesce(cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from weeks full join marts.rpt_weekly_digest using (week_start_date)
order by week_start_date
"""


def configure_metrics() -> list[Check]:
    """A metric says what it is made of, and how it stands."""
    mart = "fct_daily_metrics"
    return [
        Check(
            mart,
            mart,
            _METRICS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "metric_name", "feature_id", "status", why="What is measured, of whom."),
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
                is_between("sample_count", 0, None, why="A count."),
                is_between("unknown_ratio", 0, 1, why="A share."),
            ),
        )
    ]


def configure_unused_context() -> list[Check]:
    """What is unused is a part of what was paid for, and says how it is known."""
    mart = "rpt_unused_context"
    return [
        Check(
            mart,
            mart,
            _UNUSED_CONTEXT,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "usage_date", "feature_id", "evidence", "validation", why="Whose it is, and how it is known."
                ),
                is_one_of(
                    "evidence", "citation", "overlap_estimate", why="What is recorded and what is estimated stay apart."
                ),
                is_zero(
                    "broken_part_count",
                    why="A part is no more than its whole; no money, no call that has any.",
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_metrics",
            _UNUSED_CONTEXT_AGAINST_METRICS,
            (is_between("difference_micro_usd", -1, 1, why="The metric's dollars, which are rounded here."),),
        ),
    ]


def configure_projections() -> list[Check]:
    """Projections have a figure where they have a history, in its range."""
    mart = "fct_cost_projections"
    return [
        Check(
            mart,
            mart,
            _PROJECTED,
            (
                has_read_columns(mart),
                has_rows(why="Each build projects."),
                is_unique_by_grain(mart),
                *is_filled("as_of_date", "feature_id", "target_date", "method", why="What was projected, and how."),
                is_one_of("status", "ok", "short_history", "insufficient_history", why="Known states."),
                is_one_of("target_period", "day", "month", why="Known periods."),
                is_zero("broken_range_count", why="No figure without history, and the figure lies in its range."),
                is_between("low_to_come_cost_usd", 0, None, why="Cost to come is not negative."),
                is_zero("unexplained_error_count", why="A projection shows its own error, or that none is measured."),
            ),
        ),
    ]


def configure_drivers() -> list[Check]:
    """What moved the week adds up to what the week changed."""
    mart = "fct_cost_drivers"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "week_start_date",
                    "feature_id",
                    "driver",
                    "contribution_cost_usd",
                    "is_comparable",
                    why="Who moved what, and whether that says why.",
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_change",
            _DRIVERS_BY_WEEK,
            (is_zero("unexplained_micro_usd", why="The parts add up to the change of the week's known cost exactly."),),
        ),
    ]


def configure_cache_opportunities() -> list[Check]:
    """More queries are alike the less alike they have to be, and what a cache would save lies in its range."""
    mart = "fct_daily_cache_opportunities"
    return [
        Check(
            mart,
            mart,
            _CACHE,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "feature_id", "embedder_id", "similarity", why="Whose queries, how alike."),
                is_between("hit_ratio", 0, 1, why="A share."),
                is_between("precision_ratio", 0, 1, why="A share."),
                is_zero("broken_range_count", why="The saving lies in its range, and is there where it is known."),
                is_zero("impossible_hit_count", why="Hits are some of the queries."),
                is_zero("falling_curve_count", why="A lower similarity finds no less."),
            ),
        )
    ]


def configure_savings() -> list[Check]:
    """An opportunity carries its evidence and a range."""
    mart = "fct_savings_opportunities"
    return [
        Check(
            mart,
            mart,
            _SAVINGS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("feature_id", "lever", "status", "evidence", "rank", why="What, on what evidence."),
                is_one_of("status", "open", "rejected", why="Known states."),
                is_zero("broken_range_count", why="The figure lies in its range."),
                is_zero("unexplained_row_count", why="A rejection says why."),
                is_zero("impossible_saving_count", why="Nothing saves more than is spent."),
                is_between("agreement_ratio", 0, 1, why="A share."),
            ),
        )
    ]


def configure_caching_advice() -> list[Check]:
    """One strategy is recommended for a feature, and each says why."""
    mart = "rpt_caching_vs_distillation"
    return [
        Check(
            mart,
            mart,
            _ADVICE,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("feature_id", "strategy", "reason", why="What, and why."),
                is_one_of(
                    "strategy",
                    "semantic_cache",
                    "distillation",
                    "cache_and_distillation",
                    "keep_as_is",
                    why="Known strategies.",
                ),
                is_zero("broken_range_count", why="The figure lies in its range."),
                is_zero(
                    "ambiguous_row_count",
                    why="One strategy is recommended, and where that is not the rule's it says so.",
                ),
                is_between("expected_ratio", 0, 1, why="A share."),
                is_between("query_diversity_ratio", 0, 1, why="A share."),
                is_between("drift_ratio", 0, 1, why="A share."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_opportunities",
            _ADVICE_AGAINST_OPPORTUNITIES,
            (is_zero("other_saving_count", why="A strategy saves what its lever does."),),
        ),
    ]


def configure_weekly_digest() -> list[Check]:
    """The figures of the message are those of the marts."""
    mart = "rpt_weekly_digest"
    return [
        Check(
            mart,
            mart,
            _DIGEST,
            (
                has_read_columns(mart),
                has_rows(why="There is a week to report."),
                is_unique_by_grain(mart),
                # A total that is not known is none, and stops nothing: the message says so.
                *is_filled("week_start_date", "covered_day_count", why="What the message begins with."),
                is_between("covered_day_count", 0, 7, why="Days of a week; 0 where only late spans tell of it."),
                is_zero("unexplained_comparison_count", why="A week is compared, or it says why not."),
                is_zero("unfounded_driver_count", why="What cannot be compared has no root cause."),
                is_between("newest_top_share_ratio", 0, 1, why="A share.", severity=Severity.WARN),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_costs",
            _DIGEST_AGAINST_COSTS,
            (
                is_between(
                    "difference_micro_usd",
                    -CENT_MICRO_USD,
                    CENT_MICRO_USD,
                    why="The total of the message is the sum of the features' costs.",
                ),
            ),
        ),
    ]
