{# Grain: one row per usage_date and cost result; the API may give two results with the same keys. #}
with

cost_buckets as (
    select * from {{ source('anthropic', 'cost_buckets') }}
),

costs_typed as (
    select
        cast(workspace_id as string) as workspace_id,
        cast(description as string) as description,
        cast(cost_type as string) as cost_type,
        cast(model as string) as model_name,
        cast(token_type as string) as token_type,
        cast(service_tier as string) as service_tier,
        cast(context_window as string) as context_window,
        cast(inference_geo as string) as inference_geo,
        cast(currency_code as string) as currency_code,
        cast(said_amount_cents as string) as said_amount_cents,
        cast(object_key as string) as object_key,
        cast(amount_usd as decimal(38, 12)) as billed_cost_usd,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from cost_buckets
),

costs_categorised as (
    select
        *,
        case
            when token_type = 'uncached_input_tokens' then 'uncached_input'
            when token_type = 'cache_read_input_tokens' then 'cache_read_input'
            when token_type = 'cache_creation.ephemeral_5m_input_tokens' then 'cache_write_5m_input'
            when token_type = 'cache_creation.ephemeral_1h_input_tokens' then 'cache_write_1h_input'
            when token_type = 'output_tokens' then 'output'
            when cost_type is null or cost_type = 'tokens' then 'unknown'
            else 'not_tokens'
        end as token_class,
        case
            when service_tier is null or service_tier = 'standard' then 'on_demand'
            when service_tier in ('batch', 'flex', 'priority') then service_tier
            else 'unknown'
        end as processing,
        case when cost_type is null or cost_type = 'tokens' then 'usage' else 'other' end as charge_category
    from costs_typed
)

select * from costs_categorised
