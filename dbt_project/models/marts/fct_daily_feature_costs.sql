{# Grain: one row per usage_date and feature_id. Usage charges only; `unattributed` is a feature_id of its own. #}
with

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

users_counted as (
    select * from {{ ref('int_daily_users_counted') }}
),

features as (
    select
        feature_id,
        display_name,
        team,
        owner
    from {{ ref('features') }}
),

costs_summed as (
    select
        feature_id,
        {{ summed_costs() }},
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
        {{ usd_per('costs_summed.allocated_cost_usd', 'costs_summed.request_count') }} as cost_usd_per_request,
        features.feature_id is not null as is_known_feature,
        costs_summed.usage_date
    from costs_summed
    left join features on costs_summed.feature_id = features.feature_id
    left join users_counted
        on costs_summed.feature_id = users_counted.feature_id and costs_summed.usage_date = users_counted.usage_date
)

select * from feature_costs
