{#
    Grain: one row per usage_date, a covered day, and feature_id that has begun by then; feature_id `total` is all features together.

    A feature without a row on a covered day cost nothing on it; of a day with too many calls of unknown cost the cost is not known (NULL). The
    same days and rule as `ai_finops.analyse.series`, so that costs can be held against what was projected from them.
#}
with

feature_costs as (
    select
        feature_id,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        allocated_cost_usd,
        usage_date
    from {{ ref('fct_daily_feature_costs') }}
),

estimated_costs as (
    select
        feature_id,
        allocated_cost_usd,
        usage_date
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage' and cost_status = 'estimated'
),

covered_days as (
    select covered_date from {{ ref('int_days_covered') }}
),

unknown_cost_bound as (
    select bound as largest_unknown_cost_ratio
    from {{ ref('reporting_bounds') }}
    where bound_name = 'largest_unknown_cost_ratio'
),

costs_with_total as (
    select * from feature_costs
    union all
    select
        'total' as feature_id,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        allocated_cost_usd,
        usage_date
    from feature_costs
),

costs_summed as (
    select
        feature_id,
        sum(request_count) as request_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(unknown_cost_call_count) as unknown_cost_call_count,
        sum(unknown_cost_tokens) as unknown_cost_tokens,
        sum(allocated_cost_usd) as cost_usd,
        usage_date
    from costs_with_total
    group by usage_date, feature_id
),

costs_known as (
    select
        costs_summed.feature_id,
        costs_summed.cost_usd,
        {{ is_cost_known('costs_summed.cost_usd') }} as is_known,
        costs_summed.usage_date
    from costs_summed
    cross join unknown_cost_bound
),

estimates_with_total as (
    select * from estimated_costs
    union all
    select
        'total' as feature_id,
        allocated_cost_usd,
        usage_date
    from estimated_costs
),

estimates_summed as (
    select
        feature_id,
        sum(allocated_cost_usd) as estimated_cost_usd,
        usage_date
    from estimates_with_total
    group by usage_date, feature_id
),

features_begun as (
    select
        feature_id,
        min(usage_date) as first_date
    from costs_summed
    group by feature_id
),

daily_costs_known as (
    select
        features_begun.feature_id,
        cast(
            case
                when costs_known.usage_date is null then 0
                when costs_known.is_known then costs_known.cost_usd
            end as decimal(18, 6)
        ) as cost_usd,
        cast(coalesce(estimates_summed.estimated_cost_usd, 0) as decimal(18, 6)) as estimated_cost_usd,
        covered_days.covered_date as usage_date
    from features_begun
    inner join covered_days on features_begun.first_date <= covered_days.covered_date
    left join costs_known
        on
            features_begun.feature_id = costs_known.feature_id
            and covered_days.covered_date = costs_known.usage_date
    left join estimates_summed
        on
            features_begun.feature_id = estimates_summed.feature_id
            and covered_days.covered_date = estimates_summed.usage_date
)

select * from daily_costs_known
