{#
    Grain: one row per week_start_date (Monday), feature_id, dimension and metric_name; feature_id `total` is all features together.

    Ratios of the week's sums, judged by the rule of the days. Beside the status: how the value moved since the week before, where
    both have as many covered days and samples enough, and a verdict over the weeks that the threshold names (trend_week_count), all
    of them complete. The movement over these is that of a least-squares line through them.
#}
with

metrics as (
    select * from {{ ref('int_weekly_metrics_unioned') }}
),

thresholds as (
    select * from {{ ref('metric_thresholds') }}
),

metrics_with_bounds as (
    select
        metrics.*,
        thresholds.action,
        thresholds.owner,
        thresholds.healthy_bound,
        thresholds.warning_bound,
        thresholds.healthy_lower_bound,
        thresholds.smallest_sample_count,
        thresholds.largest_unknown_ratio,
        coalesce(thresholds.is_least_value, false) as is_least_value,
        thresholds.trend_week_count,
        coalesce(thresholds.is_improving_healthy, false) as is_improving_healthy
    from metrics
    left join thresholds
        on {{ is_threshold_of('metrics') }}
),

metrics_with_status as (
    select
        *,
        {{ better_sign() }} as better_sign,
        {{ metric_status() }} as status_by_bounds,
        covered_day_count = 7 as is_complete_week
    from metrics_with_bounds
),

-- Σ (n − 2 · weeks ago) · value · 6 ÷ ((n + 1)(n + 2)) is n times the slope of the line through n + 1 weeks; here with
-- days for weeks, 7 times both.
trend_weeks as (
    select
        metrics_with_status.week_start_date,
        metrics_with_status.feature_id,
        metrics_with_status.dimension,
        metrics_with_status.metric_name,
        metrics_with_status.trend_week_count,
        earlier_weeks.value,
        {{ days_between('earlier_weeks.week_start_date', 'metrics_with_status.week_start_date') }} as days_ago
    from metrics_with_status
    inner join metrics_with_status as earlier_weeks
        on
            metrics_with_status.feature_id = earlier_weeks.feature_id
            and metrics_with_status.dimension = earlier_weeks.dimension
            and metrics_with_status.metric_name = earlier_weeks.metric_name
            and metrics_with_status.week_start_date >= earlier_weeks.week_start_date
    where
        metrics_with_status.trend_week_count is not null
        and earlier_weeks.is_complete_week
        and earlier_weeks.status_by_bounds != 'insufficient'
),

trends as (
    select
        week_start_date,
        feature_id,
        dimension,
        metric_name,
        round(
            cast(sum(cast((7 * trend_week_count - 2 * days_ago) * value as decimal(38, 12))) as double)
            * 6 / (7 * (trend_week_count + 1) * (trend_week_count + 2)),
            12
        ) as trend_change
    from trend_weeks
    where days_ago <= 7 * trend_week_count
    group by week_start_date, feature_id, dimension, metric_name, trend_week_count
    having count(*) = trend_week_count + 1
),

metrics_beside_earlier as (
    select
        metrics_with_status.*,
        earlier_weeks.value as previous_value,
        trends.trend_change,
        metrics_with_status.better_sign * round(metrics_with_status.value, 12)
        <= metrics_with_status.better_sign * metrics_with_status.warning_bound as is_at_warning,
        case
            when
                metrics_with_status.covered_day_count = earlier_weeks.covered_day_count
                and metrics_with_status.status_by_bounds != 'insufficient'
                and earlier_weeks.status_by_bounds != 'insufficient'
                then round(metrics_with_status.value - earlier_weeks.value, 12)
        end as value_change
    from metrics_with_status
    left join metrics_with_status as earlier_weeks
        on
            metrics_with_status.week_start_date = earlier_weeks.week_start_date + 7
            and metrics_with_status.feature_id = earlier_weeks.feature_id
            and metrics_with_status.dimension = earlier_weeks.dimension
            and metrics_with_status.metric_name = earlier_weeks.metric_name
    left join trends
        on
            metrics_with_status.week_start_date = trends.week_start_date
            and metrics_with_status.feature_id = trends.feature_id
            and metrics_with_status.dimension = trends.dimension
            and metrics_with_status.metric_name = trends.metric_name
),

metrics_with_verdict as (
    select
        *,
        case
            when trend_week_count is null then null
            when status_by_bounds = 'insufficient' then 'insufficient'
            when not is_complete_week then 'incomplete_week'
            when trend_change is null then 'insufficient_history'
            when better_sign * trend_change > 0 then 'improving'
            when is_at_warning then 'locked'
            when trend_change = 0 then 'steady'
            else 'worsening'
        end as verdict
    from metrics_beside_earlier
),

weekly_metrics as (
    select
        feature_id,
        dimension,
        metric_name,
        case
            when
                status_by_bounds = 'watch' and is_improving_healthy and verdict = 'improving' and not is_at_warning
                then 'healthy'
            else status_by_bounds
        end as status,
        validation,
        case
            when value_change is null then 'not_compared'
            when value_change > 0 then 'rising'
            when value_change < 0 then 'falling'
            else 'level'
        end as trend,
        verdict,
        action,
        owner,
        numerator,
        denominator,
        value,
        sample_count,
        considered_count,
        unknown_ratio,
        covered_day_count,
        unknown_day_count,
        previous_value,
        value_change,
        trend_change,
        estimated_cost_ratio,
        cost_at_stake_usd,
        healthy_bound,
        warning_bound,
        healthy_lower_bound,
        is_complete_week,
        week_start_date
    from metrics_with_verdict
)

select * from weekly_metrics
