{#
    Grain: one row per week_start_date (Monday) and feature_id that cost something in it; feature_id `total` is the feature with the largest share.

    Share of the week's cost of usage, over the days of which the total is known. What is unattributed is in the total, because it was spent, and
    has no row, because nobody can act on it as on a feature; its share is the unknown one. So shares are what features cost at least.
#}
with

daily_costs as (
    select
        *,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('int_daily_costs_known') }}
),

totals as (
    select
        cost_usd,
        estimated_cost_usd,
        week_start_date,
        usage_date
    from daily_costs
    where feature_id = 'total'
),

costs_on_known_days as (
    select daily_costs.*
    from daily_costs
    inner join totals on daily_costs.usage_date = totals.usage_date
    where daily_costs.feature_id != 'total' and totals.cost_usd is not null
),

features_summed as (
    select
        feature_id,
        -- A feature with a day of unknown cost has no share, however small it is in the total.
        case when count(*) = count(cost_usd) then sum(cost_usd) end as cost_usd,
        sum(estimated_cost_usd) as estimated_cost_usd,
        week_start_date
    from costs_on_known_days
    group by week_start_date, feature_id
),

weeks_summed as (
    select
        sum(cost_usd) as total_cost_usd,
        sum(estimated_cost_usd) filter (where cost_usd is not null) as estimated_cost_usd,
        count(cost_usd) as known_day_count,
        count(*) as day_count,
        week_start_date
    from totals
    group by week_start_date
),

largest_shares as (
    select
        week_start_date,
        max(cost_usd) filter (where feature_id != 'unattributed') as cost_usd,
        max(cost_usd) filter (where feature_id = 'unattributed') as unattributed_cost_usd
    from features_summed
    group by week_start_date
),

features_with_largest as (
    select
        feature_id,
        cost_usd,
        estimated_cost_usd,
        week_start_date
    from features_summed
    where feature_id != 'unattributed' and (cost_usd != 0 or cost_usd is null)
    union all
    select
        'total' as feature_id,
        largest_shares.cost_usd,
        weeks_summed.estimated_cost_usd,
        weeks_summed.week_start_date
    from weeks_summed
    left join largest_shares on weeks_summed.week_start_date = largest_shares.week_start_date
),

weekly_cost_shares_measured as (
    select
        features_with_largest.feature_id,
        'all' as dimension,
        'feature_cost_share_ratio' as metric_name,
        cast(null as string) as validation,
        cast(features_with_largest.cost_usd as double) as numerator,
        cast(weeks_summed.total_cost_usd as double) as denominator,
        cast(weeks_summed.known_day_count as bigint) as sample_count,
        cast(weeks_summed.day_count as bigint) as considered_count,
        {{ ratio(
            'coalesce(largest_shares.unattributed_cost_usd, 0)', 'weeks_summed.total_cost_usd'
        ) }} as unknown_ratio,
        cast(weeks_summed.day_count - weeks_summed.known_day_count as bigint) as unknown_day_count,
        {{ ratio(
            'features_with_largest.estimated_cost_usd',
            "case when features_with_largest.feature_id = 'total' then weeks_summed.total_cost_usd else features_with_largest.cost_usd end"
        ) }} as estimated_cost_ratio,
        cast(null as decimal(18, 6)) as cost_at_stake_usd,
        features_with_largest.week_start_date
    from features_with_largest
    inner join weeks_summed on features_with_largest.week_start_date = weeks_summed.week_start_date
    left join largest_shares on features_with_largest.week_start_date = largest_shares.week_start_date
)

select * from weekly_cost_shares_measured
