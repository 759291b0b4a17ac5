{#
    Grain: one row per landed invocation: account_id, region_id, request_id and landing_date.

    Columns that mean the same have the names of stg_otlp_traces__spans. A record has no trace; its request id is Amazon's, which
    spans carry too, and so is the response id of models that have one.
#}
with

invocations as (
    select * from {{ source('bedrock_logs', 'invocations') }}
),

invocations_of_models as (
    select
        *,
        -- What the price list and the bill call it; a profile that nobody could resolve stays what it was called.
        case
            when resolved_model_id is null then model_id
            when region_scope = 'global' then 'global.' || resolved_model_id
            else resolved_model_id
        end as request_model,
        case
            when {{ is_match('lower(coalesce(resolved_model_id, model_id))', "'embed'") }} then 'embeddings'
            when {{ is_match('lower(coalesce(resolved_model_id, model_id))', "'rerank'") }} then 'rerank'
            when operation in ('Converse', 'ConverseStream') then 'chat'
            else 'generate_content'
        end as operation_name
    from invocations
),

invocations_typed as (
    select
        concat_ws('/', 'bedrock', account_id, region_id, request_id) as invocation_id,
        cast(request_id as string) as request_id,
        cast(response_id as string) as response_id,
        cast(account_id as string) as account_id,
        cast(region_id as string) as region_id,
        cast(inference_region_id as string) as inference_region_id,
        cast(feature_id as string) as feature_id,
        cast(pipeline_id as string) as pipeline_id,
        cast(journey_id as string) as journey_id,
        cast(user_id as string) as user_id,
        cast(journey_name as string) as journey_name,
        cast(identity_arn as string) as identity_arn,
        cast(inference_profile_arn as string) as inference_profile_arn,
        'bedrock_log' as dialect,
        cast(operation as string) as operation,
        cast(operation_name as string) as operation_name,
        'aws.bedrock' as provider_name,
        cast(model_id as string) as said_model_id,
        cast(resolved_model_id as string) as resolved_model_id,
        case when resolved_model_id is null and model_id is not null then 'unknown_profile' end as model_reason,
        cast(request_model as string) as request_model,
        cast(response_model as string) as response_model,
        cast(region_scope as string) as region_scope,
        cast(task_type as string) as task_type,
        cast(prompt_version as string) as prompt_version,
        case
            when {{ is_match('model_id', "':provisioned-model/'") }} then 'provisioned'
            when service_tier = 'default' and performance = 'optimized' then 'latency_optimized'
            when service_tier = 'default' then 'on_demand'
            when service_tier is null and performance = 'optimized' then 'latency_optimized'
            else cast(service_tier as string)
        end as processing,
        cast(error_code as string) as error_type,
        cast(status as string) as status,
        cast(schema_version as string) as schema_version,
        {{ text_map('request_metadata') }} as request_metadata,
        cast(object_key as string) as object_key,
        cast(object_line as bigint) as object_line,
        cast(uncached_input_tokens as bigint) as uncached_input_tokens,
        cast(cache_read_input_tokens as bigint) as cache_read_input_tokens,
        cast(cache_write_5m_input_tokens as bigint) as cache_write_5m_input_tokens,
        cast(cache_write_1h_input_tokens as bigint) as cache_write_1h_input_tokens,
        -- An embedding has no output to count.
        cast(
            case
                when operation_name = 'embeddings' and uncached_input_tokens is not null then coalesce(output_tokens, 0)
                else output_tokens
            end as bigint
        ) as output_tokens,
        cast(reasoning_output_tokens as bigint) as reasoning_output_tokens,
        cast(usage_figure_count as integer) as usage_figure_count,
        cast(input_document_count as bigint) as input_document_count,
        cast(latency_ms as bigint) as latency_ms,
        -- What pricing needs; a rerank is billed by its documents.
        case
            when operation_name = 'rerank' then input_document_count is not null
            when operation_name = 'embeddings' then uncached_input_tokens is not null
            else uncached_input_tokens is not null and output_tokens is not null
        end as has_usage,
        true as is_llm_call,
        error_code is not null as is_error,
        coalesce(cast(is_streaming as boolean), false) as is_streaming,
        {{ utc_date('invoked_at') }} as usage_date,
        cast(landing_date as date) as landing_date,
        {{ utc_timestamp('invoked_at') }} as started_at,
        {{ milliseconds_after(utc_timestamp('invoked_at'), 'coalesce(latency_ms, 0)') }} as ended_at
    from invocations_of_models
)

select * from invocations_typed
