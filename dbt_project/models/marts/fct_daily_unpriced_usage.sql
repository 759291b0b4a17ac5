{# Grain: one row per usage_date, provider_name, request_model and cost_reason. #}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select * from {{ ref('fct_llm_calls') }}
    where cost_reason is not null and {{ is_on_changed_day() }}
),

usage_summed as (
    select
        provider_name,
        request_model,
        cost_reason,
        count(*) as call_count,
        cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        usage_date
    from calls
    group by usage_date, provider_name, request_model, cost_reason
)

select * from usage_summed
