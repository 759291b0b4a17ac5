{#- Spans of the lake, typed: the same columns from whatever source landed them, so that they can be put under each other. -#}
{% macro typed_spans(spans) -%}
select
    cast(trace_id as string) as trace_id,
    cast(span_id as string) as span_id,
    cast(parent_span_id as string) as parent_span_id,
    nullif(trim(cast(account_id as string)), '') as account_id,
    nullif(trim(cast(region_id as string)), '') as region_id,
    nullif(trim(cast(response_id as string)), '') as response_id,
    nullif(trim(cast(request_id as string)), '') as request_id,
    nullif(trim(cast(feature_id as string)), '') as feature_id,
    nullif(trim(cast(pipeline_id as string)), '') as pipeline_id,
    nullif(trim(cast(journey_id as string)), '') as journey_id,
    nullif(trim(cast(user_id as string)), '') as user_id,
    nullif(trim(cast(journey_name as string)), '') as journey_name,
    cast(span_name as string) as span_name,
    cast(scope_name as string) as scope_name,
    nullif(trim(cast(service_name as string)), '') as service_name,
    cast(dialect as string) as dialect,
    cast(operation_name as string) as operation_name,
    lower(nullif(trim(cast(provider_name as string)), '')) as provider_name,
    nullif(trim(cast(request_model as string)), '') as request_model,
    nullif(trim(cast(response_model as string)), '') as response_model,
    nullif(trim(cast(task_type as string)), '') as task_type,
    nullif(trim(cast(model_tier as string)), '') as model_tier,
    nullif(trim(cast(prompt_version as string)), '') as prompt_version,
    lower(nullif(trim(cast(processing as string)), '')) as processing,
    cast(error_type as string) as error_type,
    nullif(trim(cast(usage_gap as string)), '') as usage_gap,
    case
        when operation_name = 'execute_tool' then {{ json_text('details_json', '$.tool_name') }}
    end as tool_name,
    case
        when operation_name = 'invoke_agent' then {{ json_text('details_json', '$.agent_name') }}
    end as agent_name,
    case
        when operation_name = 'retrieval' then {{ json_text('details_json', '$.data_source_id') }}
    end as data_source_id,
    cast(details_json as string) as details_json,
    cast(object_key as string) as object_key,
    cast(object_line as bigint) as object_line,
    cast(uncached_input_tokens as bigint) as uncached_input_tokens,
    cast(cache_read_input_tokens as bigint) as cache_read_input_tokens,
    cast(cache_write_5m_input_tokens as bigint) as cache_write_5m_input_tokens,
    cast(cache_write_1h_input_tokens as bigint) as cache_write_1h_input_tokens,
    cast(output_tokens as bigint) as output_tokens,
    cast(reasoning_output_tokens as bigint) as reasoning_output_tokens,
    cast(search_unit_count as bigint) as search_unit_count,
    -- Of a rerank call, the documents it was given to put in order.
    case
        when operation_name = 'rerank'
            then
                coalesce(
                    nullif({{ json_length('details_json', '$.input_documents') }}, 0),
                    cast({{ json_text('details_json', '$.input_document_count') }} as bigint)
                )
    end as input_document_count,
    case
        when operation_name in ('retrieval', 'rerank')
            then cast({{ json_text('details_json', '$.top_k') }} as bigint)
    end as requested_document_count,
    cast(attribute_count as integer) as attribute_count,
    coalesce(cast(usage_figure_count as integer), 0) as usage_figure_count,
    cast(reported_cost_usd as decimal(38, 12)) as reported_cost_usd,
    cast(retry_count as bigint) as retry_count,
    cast(time_to_first_token_ms as double) as time_to_first_token_ms,
    coalesce(cast(has_usage as boolean), false) as has_usage,
    coalesce(
        operation_name in ('chat', 'text_completion', 'generate_content', 'embeddings', 'rerank'), false
    ) as is_llm_call,
    error_type is not null or coalesce(status_code = 2, false) as is_error,
    {{ utc_date('started_at') }} as usage_date,
    cast(landing_date as date) as landing_date,
    {{ utc_timestamp('started_at') }} as started_at,
    {{ utc_timestamp('ended_at') }} as ended_at
from {{ spans }}
{%- endmacro %}
