{# Grain: one row per usage_date and result; the API may give two results with the same keys. #}
with

usage_buckets as (
    select * from {{ source('anthropic', 'usage_buckets') }}
),

buckets_typed as (
    select
        cast(workspace_id as string) as workspace_id,
        cast(api_key_id as string) as api_key_id,
        cast(model as string) as model_name,
        cast(service_tier as string) as service_tier,
        cast(context_window as string) as context_window,
        cast(inference_geo as string) as inference_geo,
        cast(object_key as string) as object_key,
        cast(uncached_input_tokens as bigint) as uncached_input_tokens,
        cast(cache_read_input_tokens as bigint) as cache_read_input_tokens,
        cast(cache_write_5m_input_tokens as bigint) as cache_write_5m_input_tokens,
        cast(cache_write_1h_input_tokens as bigint) as cache_write_1h_input_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(web_search_request_count as bigint) as web_search_request_count,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from usage_buckets
),

buckets_categorised as (
    select
        *,
        case
            when service_tier is null or service_tier = 'standard' then 'on_demand'
            when service_tier in ('batch', 'flex', 'priority') then service_tier
            else 'unknown'
        end as processing
    from buckets_typed
)

select * from buckets_categorised
