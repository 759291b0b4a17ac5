{#
    Grain: one row per week_start_date (Monday) and feature_id that cost something in the week or was projected to; feature_id `total` is
    all features together.

    What the week's days cost, against what was projected of the same days on its Monday, from the days before it. Days that are not covered or
    whose cost is not known are on neither side, and no samples.
#}
with

daily_costs as (
    select
        *,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('int_daily_costs_known') }}
),

projections as (
    select
        feature_id,
        projected_cost_usd,
        as_of_date,
        target_date
    from {{ ref('fct_cost_projections') }}
    where scenario = 'as_is' and target_period = 'day'
),

weeks_summed as (
    select
        daily_costs.feature_id,
        sum(daily_costs.cost_usd) as cost_usd,
        sum(projections.projected_cost_usd) filter (where daily_costs.cost_usd is not null) as projected_cost_usd,
        sum(daily_costs.estimated_cost_usd) filter (where daily_costs.cost_usd is not null) as estimated_cost_usd,
        count(daily_costs.cost_usd) as known_day_count,
        count(*) as day_count,
        daily_costs.week_start_date
    from daily_costs
    left join projections
        on
            daily_costs.feature_id = projections.feature_id
            and daily_costs.week_start_date = projections.as_of_date
            and daily_costs.usage_date = projections.target_date
    group by daily_costs.week_start_date, daily_costs.feature_id
),

weekly_projections_compared as (
    select
        feature_id,
        'all' as dimension,
        'weekly_cost_to_projection_ratio' as metric_name,
        cast(null as string) as validation,
        cast(cost_usd as double) as numerator,
        cast(projected_cost_usd as double) as denominator,
        cast(known_day_count as bigint) as sample_count,
        cast(day_count as bigint) as considered_count,
        {{ ratio('day_count - known_day_count', 'day_count') }} as unknown_ratio,
        cast(day_count - known_day_count as bigint) as unknown_day_count,
        {{ ratio('estimated_cost_usd', 'cost_usd') }} as estimated_cost_ratio,
        cast(null as decimal(18, 6)) as cost_at_stake_usd,
        week_start_date
    from weeks_summed
    -- A feature that has ended is projected on, at nothing.
    where known_day_count < day_count or cost_usd != 0 or coalesce(projected_cost_usd, 0) != 0
)

select * from weekly_projections_compared
