{#
    Grain: one row per span; trace_id and span_id.

    A span may land again, on another day or through another source. Of deliveries that differ the most complete usage wins, then
    the object key.
#}
with

deliveries_ranked as (
    select
        *,
        count(*) over (partition by trace_id, span_id) as delivery_count,
        row_number() over (
            partition by trace_id, span_id
            order by
                has_usage desc,
                usage_figure_count desc,
                object_key asc,
                object_line asc,
                landing_date asc,
                source asc
        ) as delivery_rank
    from {{ ref('int_spans_unioned') }}
),

spans as (
    select
        source,
        trace_id,
        span_id,
        parent_span_id,
        account_id,
        response_id,
        request_id,
        feature_id,
        pipeline_id,
        journey_id,
        user_id,
        span_name,
        scope_name,
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
        tool_name,
        agent_name,
        data_source_id,
        details_json,
        object_key,
        object_line,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        reasoning_output_tokens,
        search_unit_count,
        input_document_count,
        requested_document_count,
        attribute_count,
        usage_figure_count,
        reported_cost_usd,
        delivery_count,
        has_usage,
        is_llm_call,
        is_error,
        usage_date,
        landing_date,
        started_at,
        ended_at
    from deliveries_ranked
    where delivery_rank = 1
)

select * from spans
