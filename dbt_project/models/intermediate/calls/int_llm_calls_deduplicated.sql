{#
    Grain: one row per LLM call: trace_id and span_id of the span that speaks for it.

    Out: spans that only repeat or frame calls (workflows, agents, tools, retrieval, shadow runs). One call once: first the
    deliveries of one span in different landing days, then spans of several libraries that carry one provider response.
    The most complete usage wins, then a named feature, then the smallest object key; the winner's start is the call's day.
#}
with

call_spans as (
    select
        *,
        (uncached_input_tokens is not null)::integer
        + (cache_read_input_tokens is not null)::integer
        + (cache_write_5m_input_tokens is not null)::integer
        + (cache_write_1h_input_tokens is not null)::integer
        + (output_tokens is not null)::integer
        + (reasoning_output_tokens is not null)::integer
        + (search_unit_count is not null)::integer as usage_field_count
    from {{ ref('stg_otlp_traces__spans') }}
    where
        is_llm_call
        -- A clock ahead of ours: the call waits for the build that covers its day.
        and usage_date < cast('{{ var("as_of_date") }}' as date)
),

deliveries_ranked as (
    select
        *,
        row_number() over (
            partition by trace_id, span_id
            order by usage_field_count desc, feature_id is null asc, object_key asc, object_line asc, landing_date asc
        ) as delivery_rank,
        count(*) over (partition by trace_id, span_id) as delivery_count
    from call_spans
),

spans_of_calls_ranked as (
    select
        *,
        row_number() over (
            partition by trace_id, operation_name, coalesce(response_id, request_id, span_id)
            order by usage_field_count desc, feature_id is null asc, object_key asc, object_line asc, span_id asc
        ) as span_rank,
        sum(delivery_count) over (
            partition by trace_id, operation_name, coalesce(response_id, request_id, span_id)
        ) as landed_span_count
    from deliveries_ranked
    where delivery_rank = 1
),

calls as (
    select
        trace_id,
        span_id,
        account_id,
        feature_id,
        pipeline_id,
        journey_id,
        user_id,
        service_name,
        dialect,
        operation_name,
        provider_name,
        request_model,
        response_model,
        task_type,
        model_tier,
        prompt_version,
        processing,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        reasoning_output_tokens,
        search_unit_count,
        input_document_count,
        cast(landed_span_count as bigint) as landed_span_count,
        has_usage,
        is_error,
        usage_date,
        started_at,
        ended_at
    from spans_of_calls_ranked
    where span_rank = 1
)

select * from calls
