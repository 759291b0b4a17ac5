{#
    Grain: one row per week_start_date (Monday), feature_id, dimension and metric_name of fct_daily_metrics.

    Sums of the days, so that a week's value is a ratio of sums. A day whose numerator is not known is on neither side and no sample; what is
    unknown of it still is. Sums are of decimals, which add up to the same in any order.
#}
with

daily_metrics as (
    select
        *,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('fct_daily_metrics') }}
),

weekly_metrics_summed as (
    select
        feature_id,
        dimension,
        metric_name,
        -- Of days that are not worth the same nobody knows what their sum is worth.
        case
            when count(validation) = 0 then null
            when min(validation) = max(validation) then min(validation)
            else 'unvalidated'
        end as validation,
        cast(sum(cast(numerator as decimal(28, 6))) as double) as numerator,
        cast(
            sum(cast(denominator as decimal(28, 6))) filter (where numerator is not null) as double
        ) as denominator,
        cast(coalesce(sum(sample_count) filter (where numerator is not null), 0) as bigint) as sample_count,
        cast(sum(considered_count) as bigint) as considered_count,
        {{ ratio(
            'sum(cast(round(unknown_ratio * considered_count) as bigint))',
            'sum(considered_count) filter (where unknown_ratio is not null)'
        ) }} as unknown_ratio,
        count(*) filter (where numerator is null) as unknown_day_count,
        cast(null as double) as estimated_cost_ratio,
        cast(
            case when count(*) = count(cost_at_stake_usd) then sum(cost_at_stake_usd) end as decimal(18, 6)
        ) as cost_at_stake_usd,
        week_start_date
    from daily_metrics
    group by week_start_date, feature_id, dimension, metric_name
)

select * from weekly_metrics_summed
