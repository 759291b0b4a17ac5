{# Grain: one row per usage_date, usage_type and result; the API may give two results with the same keys. #}
with

usage_buckets as (
    select * from {{ source('openai', 'usage_buckets') }}
),

buckets_typed as (
    select
        cast(project_id as string) as project_id,
        cast(api_key_id as string) as api_key_id,
        cast(vector_store_id as string) as vector_store_id,
        cast(usage_type as string) as usage_type,
        cast(model as string) as model_name,
        cast(service_tier as string) as service_tier,
        cast(image_size as string) as image_size,
        cast(image_source as string) as image_source,
        cast(search_context_size as string) as search_context_size,
        cast(usage_unit as string) as usage_unit,
        cast(object_key as string) as object_key,
        cast(request_count as bigint) as request_count,
        cast(said_input_tokens as bigint) as said_input_tokens,
        cast(uncached_input_tokens as bigint) as uncached_input_tokens,
        cast(cache_read_input_tokens as bigint) as cache_read_input_tokens,
        cast(cache_write_input_tokens as bigint) as cache_write_input_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(input_text_tokens as bigint) as input_text_tokens,
        cast(input_audio_tokens as bigint) as input_audio_tokens,
        cast(input_image_tokens as bigint) as input_image_tokens,
        cast(input_cached_text_tokens as bigint) as input_cached_text_tokens,
        cast(input_cached_audio_tokens as bigint) as input_cached_audio_tokens,
        cast(input_cached_image_tokens as bigint) as input_cached_image_tokens,
        cast(output_text_tokens as bigint) as output_text_tokens,
        cast(output_audio_tokens as bigint) as output_audio_tokens,
        cast(output_image_tokens as bigint) as output_image_tokens,
        cast(usage_quantity as decimal(38, 12)) as usage_quantity,
        cast(is_batch as boolean) as is_batch,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from usage_buckets
),

buckets_categorised as (
    select
        *,
        case
            when usage_type != 'completions' then null
            when is_batch then 'batch'
            when service_tier in ('flex', 'priority') then service_tier
            when service_tier is null or service_tier in ('default', 'standard', 'auto') then 'on_demand'
            else 'unknown'
        end as processing,
        said_input_tokens
        = uncached_input_tokens + coalesce(cache_read_input_tokens, 0) + coalesce(cache_write_input_tokens, 0)
            as is_sum_of_classes
    from buckets_typed
)

select * from buckets_categorised
