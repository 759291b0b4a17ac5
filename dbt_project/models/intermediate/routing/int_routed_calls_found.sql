{#
    Grain: one row per LLM call that was made for a routing decision; call_id.

    The call is told of by a span right below the decision's. A call that several decisions hold, one inside another, belongs to the
    one that began last, which is the nearest.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with

spans as (
    select
        trace_id,
        span_id,
        parent_span_id,
        operation_name,
        is_llm_call,
        {{ json_text('details_json', '$.is_escalated') }} as is_escalated,
        {{ json_text('details_json', '$.is_fallback') }} as is_fallback,
        usage_date,
        started_at
    from {{ ref('int_spans_deduplicated') }}
    where (operation_name = 'routing' or is_llm_call) and {{ is_of_changed_trace('trace_id') }}
),

candidates as (
    select
        trace_id,
        span_id,
        call_id
    from {{ ref('int_llm_call_candidates_settled') }}
    where {{ is_of_changed_trace('trace_id') }}
),

calls_ranked as (
    select
        candidates.call_id,
        decisions.trace_id,
        decisions.span_id,
        -- What the cheaper model was not sure of, or failed on, is no longer a call that could go to it.
        coalesce(decisions.is_escalated = 'true' or decisions.is_fallback = 'true', false) as is_sent_on,
        decisions.usage_date,
        row_number() over (
            partition by candidates.call_id
            order by decisions.started_at desc, decisions.span_id asc
        ) as decision_rank
    from spans as decisions
    inner join spans as calls
        on decisions.trace_id = calls.trace_id and decisions.span_id = calls.parent_span_id
    inner join candidates on calls.trace_id = candidates.trace_id and calls.span_id = candidates.span_id
    where decisions.operation_name = 'routing' and calls.is_llm_call
),

routed_calls_found as (
    select
        call_id,
        trace_id,
        span_id,
        is_sent_on,
        usage_date
    from calls_ranked
    where decision_rank = 1
)

select * from routed_calls_found
order by usage_date
