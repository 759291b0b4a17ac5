{#
    Grain: one row per landed span: source, trace_id, span_id and landing_date.

    Spans of every source of spans. Another source is one more `union all` here, with a name of its own in `source`. Spans from the
    as_of date on wait for the build that covers their day: a clock was ahead of ours.
#}
with

otlp_spans as (
    select * from {{ ref('stg_otlp_traces__spans') }}
),

xray_spans as (
    select * from {{ ref('stg_xray_spans__spans') }}
),

all_spans as (
    select
        'traces' as source,
        *
    from otlp_spans
    union all by name
    select
        'xray_spans' as source,
        *
    from xray_spans
),

spans_unioned as (
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
        has_usage,
        is_llm_call,
        is_error,
        usage_date,
        landing_date,
        started_at,
        ended_at
    from all_spans
    where usage_date < cast('{{ var("as_of_date") }}' as date)
)

select * from spans_unioned
