{#
    Grain: one row per agent or workflow span that carries usage and has no call below it; trace_id and span_id.

    Such usage is paid by somebody and counted by nobody: the calls that it sums up are not instrumented. At most twenty spans lie
    between a call and its frame.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with recursive

spans as (
    select
        trace_id,
        span_id,
        parent_span_id,
        scope_name,
        service_name,
        provider_name,
        coalesce(request_model, response_model) as request_model,
        operation_name in ('invoke_agent', 'invoke_workflow') and usage_figure_count > 0 as is_frame_with_usage,
        is_llm_call,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    where {{ is_of_changed_trace('trace_id') }}
),

frames as (
    select * from spans
    where is_frame_with_usage
),

above_calls as (
    select
        spans.trace_id,
        spans.parent_span_id as span_id,
        1 as hop_count
    from spans
    where spans.is_llm_call and spans.trace_id in (select frames.trace_id from frames)
    union all
    select
        above_calls.trace_id,
        spans.parent_span_id as span_id,
        above_calls.hop_count + 1 as hop_count
    from above_calls
    inner join spans on above_calls.trace_id = spans.trace_id and above_calls.span_id = spans.span_id
    where spans.parent_span_id is not null and above_calls.hop_count < 20
),

uncalled_frames as (
    select
        frames.trace_id,
        frames.span_id,
        frames.scope_name,
        frames.service_name,
        frames.provider_name,
        frames.request_model,
        frames.usage_date
    from frames
    left join above_calls on frames.trace_id = above_calls.trace_id and frames.span_id = above_calls.span_id
    where above_calls.span_id is null
)

select * from uncalled_frames
