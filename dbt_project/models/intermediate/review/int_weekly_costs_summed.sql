{#
    Grain: one row per week_start_date (Monday) with usage cost. What the week cost, which feature cost most, how much of the
    week is covered, and the same of the week before where as many of its days are covered.
#}
with

feature_costs as (
    select * from {{ ref('fct_daily_feature_costs') }}
),

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

weeks as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        least(
            cast(date_trunc('week', usage_date) as date) + 7, cast('{{ var("as_of_date") }}' as date)
        ) as as_of_date,
        sum(allocated_cost_usd) as total_cost_usd,
        coalesce(sum(allocated_cost_usd) filter (where feature_id = 'unattributed'), 0) as unattributed_cost_usd
    from feature_costs
    group by date_trunc('week', usage_date)
),

covered_days as (
    select covered_date from {{ ref('int_days_covered') }}
),

week_days as (
    select
        week_start_date,
        unnest(generate_series(week_start_date, week_start_date + 6, interval 1 day))::date as week_date
    from weeks
),

weeks_covered as (
    select
        week_days.week_start_date,
        count(covered_days.covered_date) as covered_day_count,
        string_agg(cast(week_days.week_date as varchar), ', ' order by week_days.week_date)
        filter (where covered_days.covered_date is null) as missing_days
    from week_days
    left join covered_days on week_days.week_date = covered_days.covered_date
    group by week_days.week_start_date
),

weeks_estimated as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        coalesce(sum(allocated_cost_usd) filter (where cost_status = 'estimated'), 0) as estimated_cost_usd
    from allocated_costs
    group by date_trunc('week', usage_date)
),

weeks_by_feature as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        feature_id,
        sum(allocated_cost_usd) as cost_usd
    from feature_costs
    group by date_trunc('week', usage_date), feature_id
),

top_features_ranked as (
    select
        *,
        row_number() over (
            partition by week_start_date
            order by cost_usd desc nulls last, feature_id asc
        ) as feature_rank
    from weeks_by_feature
    where feature_id != 'unattributed' and cost_usd > 0
),

-- Weeks are compared only when as many of their days are covered.
comparable_weeks as (
    select
        weeks.week_start_date,
        weeks.total_cost_usd,
        next_weeks_covered.week_start_date as next_week_start_date
    from weeks
    inner join weeks_covered on weeks.week_start_date = weeks_covered.week_start_date
    inner join weeks_covered as next_weeks_covered
        on
            weeks.week_start_date = next_weeks_covered.week_start_date - 7
            and weeks_covered.covered_day_count = next_weeks_covered.covered_day_count
),

weekly_costs as (
    select
        weeks.week_start_date,
        weeks.as_of_date,
        weeks_covered.covered_day_count,
        weeks_covered.missing_days,
        top_features.feature_id as top_feature_id,
        weeks.total_cost_usd,
        weeks.unattributed_cost_usd,
        weeks_estimated.estimated_cost_usd,
        top_features.cost_usd as top_feature_cost_usd,
        comparable_weeks.total_cost_usd as previous_total_cost_usd,
        previous_costs.cost_usd as previous_top_feature_cost_usd
    from weeks
    inner join weeks_covered on weeks.week_start_date = weeks_covered.week_start_date
    inner join weeks_estimated on weeks.week_start_date = weeks_estimated.week_start_date
    left join top_features_ranked as top_features
        on weeks.week_start_date = top_features.week_start_date and top_features.feature_rank = 1
    left join comparable_weeks on weeks.week_start_date = comparable_weeks.next_week_start_date
    left join weeks_by_feature as previous_costs
        on
            comparable_weeks.week_start_date = previous_costs.week_start_date
            and top_features.feature_id = previous_costs.feature_id
)

select * from weekly_costs
