{#
    Grain: one row per landed span: source, trace_id, span_id and landing_date, with what became of it.

    Landed = kept + duplicate + superseded. `duplicate`: another delivery of the span is believed. `superseded`: another candidate
    speaks for its call. `kept`: it speaks for a call, or is none (agents, tools, retrievals, frames).
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with

landed_spans as (
    select
        source,
        trace_id,
        span_id,
        usage_date,
        landing_date
    from {{ ref('int_spans_unioned') }}
    where {{ is_of_changed_trace('trace_id', 'landing_date') }}
),

believed_spans as (
    select
        source,
        trace_id,
        span_id,
        landing_date
    from {{ ref('int_spans_deduplicated') }}
    where {{ is_of_changed_trace('trace_id') }}
),

candidates as (
    select
        trace_id,
        span_id,
        call_id,
        role
    from {{ ref('int_llm_call_candidates_settled') }}
    where {{ is_of_changed_trace('trace_id') }}
),

landed_spans_settled as (
    select
        landed_spans.source,
        landed_spans.trace_id,
        landed_spans.span_id,
        candidates.call_id,
        case
            when believed_spans.span_id is null then 'duplicate'
            else coalesce(candidates.role, 'kept')
        end as role,
        landed_spans.usage_date,
        landed_spans.landing_date
    from landed_spans
    left join believed_spans
        on
            landed_spans.source = believed_spans.source
            and landed_spans.trace_id = believed_spans.trace_id
            and landed_spans.span_id = believed_spans.span_id
            and landed_spans.landing_date = believed_spans.landing_date
    left join candidates
        on landed_spans.trace_id = candidates.trace_id and landed_spans.span_id = candidates.span_id
)

select * from landed_spans_settled
order by usage_date
