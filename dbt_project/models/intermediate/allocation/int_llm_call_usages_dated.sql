{#
    Grain: one row per call_id, token_class and usage_date: the usage of calls on the day of the bill that it counts on. That is the
    day of the call (call_date), but for what was traced in batch and is billed later (int_batch_usages_matched).
#}
{{ config(materialized='view') }}
{%- set columns = [
    'call_id', 'feature_id', 'pipeline_id', 'billing_account_id', 'service_name', 'task_type', 'provider_name', 'model_id', 'model_tier',
    'token_class', 'region_scope', 'processing', 'price_catalog', 'price_catalog_version', 'has_feature', 'quantity',
    'estimated_pico_usd', 'estimated_cost_usd', 'usage_date'
] %}
with

usages as (
    select
        {{ columns | join(',\n        ') }},
        usage_date as call_date
    from {{ ref('int_llm_call_usages_priced') }}
),

usages_matched as (
    select
        {{ columns | join(',\n        ') }},
        call_date
    from {{ ref('int_batch_usages_matched') }}
),

usages_dated as (
    select
        usages.{{ columns | join(',\n        usages.') }},
        usages.call_date
    from usages
    left join usages_matched
        on usages.call_id = usages_matched.call_id and usages.token_class = usages_matched.token_class
    where usages_matched.call_id is null
    union all
    select
        {{ columns | join(',\n        ') }},
        call_date
    from usages_matched
)

select * from usages_dated
