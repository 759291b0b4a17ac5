{#
    Grain: one row per week_start_date (Monday) and feature_id with reranks; feature_id `total` is all features together.

    What rerankers did to their tops in a week, pair by pair before and after, and what all reranks cost, told or not.
#}
with

calls as (
    select
        call_id,
        feature_id,
        allocated_cost_usd,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from {{ ref('fct_llm_calls') }}
    where operation_name = 'rerank'
),

compared as (
    select
        call_id,
        is_changed,
        has_hit_before,
        has_hit_after
    from {{ ref('int_reranks_compared') }}
),

reranks as (
    select
        calls.feature_id,
        calls.allocated_cost_usd,
        compared.call_id is not null as is_compared,
        compared.is_changed,
        compared.has_hit_before,
        compared.has_hit_after,
        calls.week_start_date
    from calls
    left join compared on calls.call_id = compared.call_id
),

reranks_with_total as (
    select * from reranks
    union all
    select
        'total' as feature_id,
        allocated_cost_usd,
        is_compared,
        is_changed,
        has_hit_before,
        has_hit_after,
        week_start_date
    from reranks
),

weekly_rerankers_summed as (
    select
        feature_id,
        count(*) as rerank_count,
        count(*) filter (where is_compared) as compared_count,
        count(*) filter (where is_changed) as changed_count,
        count(has_hit_before) as judged_count,
        count(*) filter (where has_hit_before) as hit_before_count,
        count(*) filter (where has_hit_after) as hit_after_count,
        count(*) filter (where has_hit_after and not has_hit_before) as gained_hit_count,
        count(*) filter (where has_hit_before and not has_hit_after) as lost_hit_count,
        count(*) - count(allocated_cost_usd) as unknown_cost_count,
        sum(allocated_cost_usd) as allocated_cost_usd,
        sum(allocated_cost_usd) filter (where is_compared) as compared_cost_usd,
        week_start_date
    from reranks_with_total
    group by week_start_date, feature_id
)

select * from weekly_rerankers_summed
