{#
    Grain: one row per usage_month and feature_id: is the feature worth it, its share of the spend beside its share of users and
    of calls. Usage only. Users are counted once a month, so these are no sums of days; shares of users may add up to more than
    1, since a user may use several features.
#}
with

allocated_costs as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as usage_month
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

calls as (
    select
        feature_id,
        user_id,
        cast(date_trunc('month', usage_date) as date) as usage_month
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

costs_summed as (
    select
        feature_id,
        {{ summed_costs() }},
        cast(count(distinct usage_date) as bigint) as day_count,
        usage_month
    from allocated_costs
    group by feature_id, usage_month
),

users_by_feature as (
    select
        feature_id,
        count(distinct user_id) as user_count,
        count(user_id) as named_call_count,
        usage_month
    from calls
    group by feature_id, usage_month
),

users_by_month as (
    select
        count(distinct user_id) as month_user_count,
        usage_month
    from calls
    group by usage_month
),

costs_beside_month as (
    select
        costs_summed.*,
        coalesce(users_by_feature.user_count, 0) as user_count,
        coalesce(users_by_feature.named_call_count, 0) as named_call_count,
        coalesce(users_by_month.month_user_count, 0) as month_user_count,
        sum(costs_summed.allocated_cost_usd) over (partition by costs_summed.usage_month) as month_cost_usd,
        sum(costs_summed.request_count) over (partition by costs_summed.usage_month) as month_request_count
    from costs_summed
    left join users_by_feature
        on
            costs_summed.feature_id = users_by_feature.feature_id
            and costs_summed.usage_month = users_by_feature.usage_month
    left join users_by_month on costs_summed.usage_month = users_by_month.usage_month
),

feature_value as (
    select
        costs_beside_month.feature_id,
        coalesce(features.display_name, costs_beside_month.feature_id) as display_name,
        coalesce(features.team, 'unknown') as team,
        coalesce(features.owner, 'unknown') as owner,
        costs_beside_month.cost_status,
        costs_beside_month.day_count,
        costs_beside_month.request_count,
        cast(costs_beside_month.user_count as bigint) as user_count,
        costs_beside_month.unknown_cost_call_count,
        costs_beside_month.allocated_cost_usd,
        {{ usd_per('costs_beside_month.allocated_cost_usd', 'costs_beside_month.request_count') }}
            as cost_usd_per_request,
        {{ usd_per('costs_beside_month.allocated_cost_usd', 'costs_beside_month.user_count') }} as cost_usd_per_user,
        {{ ratio('costs_beside_month.allocated_cost_usd', 'costs_beside_month.month_cost_usd') }} as cost_share_ratio,
        {{ ratio('costs_beside_month.request_count', 'costs_beside_month.month_request_count') }}
            as request_share_ratio,
        {{ ratio('costs_beside_month.user_count', 'costs_beside_month.month_user_count') }} as user_share_ratio,
        {{ ratio('costs_beside_month.named_call_count', 'costs_beside_month.request_count') }} as named_call_ratio,
        features.feature_id is not null as is_known_feature,
        costs_beside_month.usage_month
    from costs_beside_month
    left join features on costs_beside_month.feature_id = features.feature_id
)

select * from feature_value
