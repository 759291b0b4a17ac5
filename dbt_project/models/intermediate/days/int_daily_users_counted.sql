{# Grain: one row per usage_date and feature_id with calls: how many users its calls name. #}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select
        feature_id,
        user_id,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where {{ is_on_changed_day() }}
),

users_counted as (
    select
        feature_id,
        count(distinct user_id) as user_count,
        usage_date
    from calls
    group by feature_id, usage_date
)

select * from users_counted
