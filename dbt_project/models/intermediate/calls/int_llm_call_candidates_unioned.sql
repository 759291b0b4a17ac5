{#
    Grain: one row per record that tells of an LLM call; candidate_id.

    Spans of model calls, and Bedrock's invocation log. Whatever else tells of calls is one more `union all` here with a name of its own
    in `source`, a candidate_id of its own, times, usage, and the provider's ids; it needs no trace. Everything above reads this model.
#}
with

spans as (
    select * from {{ ref('int_spans_deduplicated') }}
    where is_llm_call and {{ is_of_changed_trace('trace_id') }}
),

invocations_ranked as (
    -- A record that was delivered on two days counts once.
    select
        *,
        count(*) over (partition by invocation_id) as delivery_count,
        row_number() over (
            partition by invocation_id
            order by
                has_usage desc,
                usage_figure_count desc,
                object_key asc nulls last,
                object_line asc nulls last,
                landing_date asc nulls last
        ) as delivery_rank
    from {{ ref('stg_bedrock_logs__invocations') }}
    where
        usage_date < cast('{{ var("as_of_date") }}' as date)
        and {{ is_of_changed_trace('invocation_id', 'landing_date') }}
),

span_candidates as (
    select
        trace_id || '-' || span_id as candidate_id,
        source,
        trace_id,
        span_id,
        parent_span_id,
        account_id,
        -- What a framework made up is no id of the provider's.
        case
            when not {{ is_match('response_id', "'^(run-|lc_run-|aitxt-|aiobj-)'") }} then response_id
        end as response_id,
        request_id,
        feature_id,
        pipeline_id,
        journey_id,
        user_id,
        journey_name,
        scope_name,
        service_name,
        dialect,
        operation_name,
        case
            when operation_name in ('embeddings', 'rerank') then operation_name
            else 'generation'
        end as call_family,
        provider_name,
        request_model,
        response_model,
        task_type,
        model_tier,
        prompt_version,
        processing,
        usage_gap,
        object_key,
        object_line,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        reasoning_output_tokens,
        search_unit_count,
        retry_count,
        input_document_count,
        -- All input, however a library divides it.
        uncached_input_tokens
        + cache_read_input_tokens
        + cache_write_5m_input_tokens
        + cache_write_1h_input_tokens as input_tokens,
        usage_figure_count,
        delivery_count,
        time_to_first_token_ms,
        has_usage,
        is_error,
        -- logfire writes the end of a stream as a log of its own, after the span of the request.
        coalesce(dialect = 'logfire' and span_name like 'streaming response from %', false) as is_end_of_stream,
        usage_date,
        started_at,
        coalesce(ended_at, started_at) as ended_at
    from spans
),

log_candidates as (
    select
        invocation_id as candidate_id,
        'bedrock_logs' as source,
        cast(null as string) as trace_id,
        cast(null as string) as span_id,
        cast(null as string) as parent_span_id,
        account_id,
        response_id,
        request_id,
        feature_id,
        pipeline_id,
        journey_id,
        user_id,
        journey_name,
        'Bedrock invocation log' as scope_name,
        cast(null as string) as service_name,
        dialect,
        operation_name,
        case
            when operation_name in ('embeddings', 'rerank') then operation_name
            else 'generation'
        end as call_family,
        provider_name,
        request_model,
        response_model,
        task_type,
        cast(null as string) as model_tier,
        prompt_version,
        processing,
        cast(null as string) as usage_gap,
        object_key,
        object_line,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        reasoning_output_tokens,
        cast(null as bigint) as search_unit_count,
        cast(null as bigint) as retry_count,
        input_document_count,
        uncached_input_tokens
        + cache_read_input_tokens
        + cache_write_5m_input_tokens
        + cache_write_1h_input_tokens as input_tokens,
        usage_figure_count,
        delivery_count,
        cast(null as double) as time_to_first_token_ms,
        has_usage,
        is_error,
        false as is_end_of_stream,
        usage_date,
        started_at,
        ended_at
    from invocations_ranked
    where delivery_rank = 1
),

candidates as (
    select * from span_candidates
    union all
    select * from log_candidates
)

select * from candidates
