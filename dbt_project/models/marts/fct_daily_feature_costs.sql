{# Grain: one row per usage_date and feature_id. Usage charges only; `unattributed` is a feature_id of its own. #}
with

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

calls as (
    select
        feature_id,
        user_id,
        usage_date
    from {{ ref('fct_llm_calls') }}
),

features as (
    select
        feature_id,
        display_name,
        team,
        owner
    from {{ ref('features') }}
),

users_counted as (
    select
        feature_id,
        count(distinct user_id) as user_count,
        usage_date
    from calls
    group by feature_id, usage_date
),

costs_summed as (
    select
        feature_id,
        case when bool_or(cost_status = 'estimated') then 'estimated' else 'billed' end as cost_status,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(unknown_cost_call_count) as bigint) as unknown_cost_call_count,
        cast(sum(unknown_cost_tokens) as bigint) as unknown_cost_tokens,
        cast(sum(estimated_cost_usd) as decimal(18, 6)) as estimated_cost_usd,
        cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
        usage_date
    from allocated_costs
    group by feature_id, usage_date
),

feature_costs as (
    select
        costs_summed.feature_id,
        coalesce(features.display_name, costs_summed.feature_id) as display_name,
        coalesce(features.team, 'unknown') as team,
        coalesce(features.owner, 'unknown') as owner,
        costs_summed.cost_status,
        costs_summed.request_count,
        coalesce(users_counted.user_count, 0) as user_count,
        costs_summed.input_tokens,
        costs_summed.output_tokens,
        costs_summed.unknown_cost_call_count,
        costs_summed.unknown_cost_tokens,
        costs_summed.estimated_cost_usd,
        costs_summed.allocated_cost_usd,
        cast(
            {{ pico_to_usd(divide_rounded(
                to_pico_usd('costs_summed.allocated_cost_usd'), 'nullif(costs_summed.request_count, 0)'
            )) }}
            as decimal(18, 6)
        ) as cost_usd_per_request,
        costs_summed.usage_date
    from costs_summed
    left join features on costs_summed.feature_id = features.feature_id
    left join users_counted
        on costs_summed.feature_id = users_counted.feature_id and costs_summed.usage_date = users_counted.usage_date
)

select * from feature_costs
