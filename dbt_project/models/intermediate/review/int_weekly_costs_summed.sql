{#
    Grain: one row per week_start_date (Monday) with usage. What the week cost, which feature cost most, how much of the week is
    covered and known, and the same of the week before where the two can be compared.
#}
with

feature_costs as (
    select
        *,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('fct_daily_feature_costs') }}
),

allocated_costs as (
    select
        cost_status,
        allocated_cost_usd,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

covered_days as (
    select covered_date from {{ ref('int_days_covered') }}
),

unknown_cost_bound as (
    select bound as largest_unknown_cost_ratio
    from {{ ref('reporting_bounds') }}
    where bound_name = 'largest_unknown_cost_ratio'
),

weeks_by_feature as (
    select
        week_start_date,
        feature_id,
        sum(request_count) as request_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(unknown_cost_call_count) as unknown_cost_call_count,
        sum(unknown_cost_tokens) as unknown_cost_tokens,
        sum(allocated_cost_usd) as cost_usd
    from feature_costs
    group by week_start_date, feature_id
),

features_known as (
    select
        weeks_by_feature.*,
        {{ is_cost_known('cost_usd') }} as is_cost_known
    from weeks_by_feature
    cross join unknown_cost_bound
),

weeks as (
    select
        week_start_date,
        least(week_start_date + 7, cast('{{ var("as_of_date") }}' as date)) as as_of_date,
        sum(request_count) as request_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(unknown_cost_call_count) as unknown_cost_call_count,
        sum(unknown_cost_tokens) as unknown_cost_tokens,
        count(*) filter (where feature_id != 'unattributed' and not is_cost_known) as unknown_cost_feature_count,
        sum(cost_usd) as total_cost_usd,
        coalesce(sum(cost_usd) filter (where feature_id = 'unattributed'), 0) as unattributed_cost_usd
    from features_known
    group by week_start_date
),

week_days as (
    select
        weeks.week_start_date,
        weeks.week_start_date + days.day_number as week_date
    from weeks
    cross join (values (0), (1), (2), (3), (4), (5), (6)) as days (day_number)
),

weeks_covered as (
    select
        week_days.week_start_date,
        count(covered_days.covered_date) as covered_day_count,
        {{ joined(
            'case when covered_days.covered_date is null then cast(week_days.week_date as string) end', 'week_days.week_date'
        ) }} as missing_days
    from week_days
    left join covered_days on week_days.week_date = covered_days.covered_date
    group by week_days.week_start_date
),

weeks_known as (
    select
        weeks.*,
        weeks_covered.covered_day_count,
        weeks_covered.missing_days,
        {{ is_cost_known('total_cost_usd') }} as is_cost_known
    from weeks
    cross join unknown_cost_bound
    inner join weeks_covered on weeks.week_start_date = weeks_covered.week_start_date
),

weeks_estimated as (
    select
        week_start_date,
        coalesce(sum(allocated_cost_usd) filter (where cost_status = 'estimated'), 0) as estimated_cost_usd
    from allocated_costs
    group by week_start_date
),

top_features_ranked as (
    select
        *,
        row_number() over (
            partition by week_start_date
            order by cost_usd desc nulls last, feature_id asc
        ) as feature_rank
    from features_known
    where feature_id != 'unattributed' and cost_usd > 0
),

-- Weeks are compared only when as many of their days are covered and the cost of both is known.
weeks_beside_earlier as (
    select
        weeks_known.*,
        earlier_weeks.covered_day_count as previous_covered_day_count,
        earlier_weeks.unknown_cost_call_count as previous_unknown_cost_call_count,
        earlier_weeks.total_cost_usd as earlier_total_cost_usd,
        case
            when coalesce(earlier_weeks.covered_day_count, 0) = 0 then 'no_earlier_week'
            when weeks_known.covered_day_count != earlier_weeks.covered_day_count then 'other_day_count'
            when not (weeks_known.is_cost_known and earlier_weeks.is_cost_known) then 'unknown_cost'
        end as not_compared_reason
    from weeks_known
    left join weeks_known as earlier_weeks on weeks_known.week_start_date = earlier_weeks.week_start_date + 7
),

weekly_costs as (
    select
        weeks_beside_earlier.week_start_date,
        weeks_beside_earlier.as_of_date,
        weeks_beside_earlier.covered_day_count,
        weeks_beside_earlier.missing_days,
        top_features.feature_id as top_feature_id,
        weeks_beside_earlier.not_compared_reason,
        weeks_beside_earlier.unknown_cost_call_count,
        weeks_beside_earlier.unknown_cost_feature_count,
        weeks_beside_earlier.total_cost_usd,
        weeks_beside_earlier.unattributed_cost_usd,
        weeks_estimated.estimated_cost_usd,
        top_features.cost_usd as top_feature_cost_usd,
        weeks_beside_earlier.previous_covered_day_count,
        weeks_beside_earlier.previous_unknown_cost_call_count,
        case
            when weeks_beside_earlier.not_compared_reason is null then weeks_beside_earlier.earlier_total_cost_usd
        end as previous_total_cost_usd,
        case
            when weeks_beside_earlier.not_compared_reason is null and previous_features.is_cost_known
                then previous_features.cost_usd
        end as previous_top_feature_cost_usd,
        case
            when weeks_beside_earlier.not_compared_reason is null then coalesce(previous_features.request_count, 0)
        end as previous_top_feature_call_count,
        weeks_beside_earlier.is_cost_known
    from weeks_beside_earlier
    inner join weeks_estimated on weeks_beside_earlier.week_start_date = weeks_estimated.week_start_date
    left join top_features_ranked as top_features
        on weeks_beside_earlier.week_start_date = top_features.week_start_date and top_features.feature_rank = 1
    left join features_known as previous_features
        on
            weeks_beside_earlier.week_start_date = previous_features.week_start_date + 7
            and top_features.feature_id = previous_features.feature_id
)

select * from weekly_costs
