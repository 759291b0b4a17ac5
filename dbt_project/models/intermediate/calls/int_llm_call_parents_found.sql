{#
    Grain: one row per candidate_id that lies inside another candidate; the nearest one above it.

    The way up leads through spans that only frame (workflows, tasks, routing decisions, HTTP). It ends at an agent, a tool or a retrieval: a call that a
    tool makes is no part of the call that asked for the tool. At most ten spans are climbed.
#}
with recursive

spans as (
    select
        trace_id,
        span_id,
        parent_span_id,
        operation_name,
        is_llm_call
    from {{ ref('int_spans_deduplicated') }}
    where {{ is_of_changed_trace('trace_id') }}
),

candidates_counted as (
    select
        candidate_id,
        trace_id,
        parent_span_id,
        count(*) over (partition by trace_id) as candidate_count
    from {{ ref('int_llm_call_candidates_unioned') }}
    where trace_id is not null
),

candidates as (
    select
        candidate_id,
        trace_id,
        parent_span_id
    from candidates_counted
    -- Alone in its trace, it lies in no other. The other may begin the trace.
    where parent_span_id is not null and candidate_count > 1
),

climbed as (
    select
        candidate_id,
        trace_id,
        parent_span_id as above_span_id,
        1 as hop_count
    from candidates
    union all
    select
        climbed.candidate_id,
        climbed.trace_id,
        spans.parent_span_id as above_span_id,
        climbed.hop_count + 1 as hop_count
    from climbed
    inner join spans on climbed.trace_id = spans.trace_id and climbed.above_span_id = spans.span_id
    where
        spans.operation_name in ('other', 'invoke_workflow', 'routing')
        and spans.parent_span_id is not null
        and climbed.hop_count < 10
),

parents as (
    select
        climbed.candidate_id,
        spans.trace_id || '-' || spans.span_id as parent_candidate_id
    from climbed
    inner join spans on climbed.trace_id = spans.trace_id and climbed.above_span_id = spans.span_id
    where spans.is_llm_call
),

parents_found as (
    select
        candidate_id,
        parent_candidate_id
    from parents
    where candidate_id != parent_candidate_id
)

select * from parents_found
