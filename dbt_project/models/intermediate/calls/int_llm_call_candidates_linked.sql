{#
    Grain: one row per candidate_id that tells of the same call as linked_candidate_id though they share no id.

    Beside each other: spans of different libraries with one parent, one kind of operation, the same usage, models that can be one,
    and times that overlap; the first of one library goes with the first of the other, the second with the second.
    After each other: logfire's request of a stream, which says no usage, and the log of its end, which does.
    Inside each other: a call span that holds exactly one call tells of it, unless their models, ids, usage or outcomes contradict.
    One that holds several tells of the one whose usage it repeats; one with no id of its own that repeats their sum, or says
    nothing, only frames them and never speaks for the call.
    Rule and evidence: docs/decisions/0005-one-call-once.md
#}
with

candidates as (
    select
        unioned.candidate_id,
        identified.id_group_id,
        unioned.trace_id,
        unioned.parent_span_id,
        unioned.response_id,
        unioned.request_id,
        unioned.scope_name,
        unioned.call_family,
        {{ model_key('unioned.request_model') }} as request_model_key,
        {{ model_key('unioned.response_model') }} as response_model_key,
        unioned.input_tokens,
        unioned.output_tokens,
        unioned.input_tokens is not null and unioned.output_tokens is not null as is_usage_known,
        unioned.is_error,
        unioned.is_end_of_stream,
        unioned.started_at,
        unioned.ended_at
    from {{ ref('int_llm_call_candidates_unioned') }} as unioned
    inner join {{ ref('int_llm_call_candidates_identified') }} as identified
        on unioned.candidate_id = identified.candidate_id
),

siblings_numbered as (
    select
        *,
        row_number() over (
            partition by trace_id, parent_span_id, call_family, input_tokens, output_tokens, scope_name
            order by started_at asc, candidate_id asc
        ) as sibling_number
    from candidates
    where trace_id is not null and parent_span_id is not null and input_tokens + output_tokens > 0
),

siblings_led as (
    select
        *,
        first_value(candidate_id) over (
            partition by trace_id, parent_span_id, call_family, input_tokens, output_tokens, sibling_number
            order by started_at asc, candidate_id asc
        ) as leader_id
    from siblings_numbered
),

sibling_links as (
    select
        sibling.candidate_id,
        leader.candidate_id as linked_candidate_id,
        leader.id_group_id as linked_id_group_id
    from siblings_led as sibling
    inner join candidates as leader on sibling.leader_id = leader.candidate_id
    where
        sibling.id_group_id != leader.id_group_id
        and {{ may_be_one_call('sibling', 'leader') }}
        and sibling.started_at <= leader.ended_at
),

stream_halves_numbered as (
    select
        *,
        row_number() over (
            partition by trace_id, parent_span_id, scope_name, request_model_key, is_end_of_stream
            order by started_at asc, candidate_id asc
        ) as stream_number
    from candidates
    where is_end_of_stream or (not is_usage_known and not is_error)
),

stream_links as (
    select
        request.candidate_id,
        ending.candidate_id as linked_candidate_id
    from stream_halves_numbered as ending
    inner join stream_halves_numbered as request
        on
            ending.trace_id = request.trace_id
            and ending.parent_span_id is not distinct from request.parent_span_id
            and ending.scope_name = request.scope_name
            and ending.request_model_key = request.request_model_key
            and ending.stream_number = request.stream_number
    where ending.is_end_of_stream and not request.is_end_of_stream and request.started_at <= ending.started_at
),

children as (
    select
        parent.candidate_id as parent_candidate_id,
        coalesce(sibling_links.linked_id_group_id, child.id_group_id) as unit_id,
        child.candidate_id,
        parent.response_id is null and parent.request_id is null as is_parent_nameless,
        parent.is_usage_known as is_parent_usage_known,
        parent.input_tokens as parent_input_tokens,
        parent.output_tokens as parent_output_tokens,
        child.input_tokens,
        child.output_tokens,
        child.is_usage_known,
        {{ may_be_one_call('child', 'parent') }} as is_alike,
        child.is_error and not parent.is_error as is_failed_attempt,
        coalesce(
            child.input_tokens = parent.input_tokens and child.output_tokens = parent.output_tokens, false
        ) as is_usage_equal,
        child.started_at
    from {{ ref('int_llm_call_parents_found') }} as parents
    inner join candidates as child on parents.candidate_id = child.candidate_id
    inner join candidates as parent on parents.parent_candidate_id = parent.candidate_id
    left join sibling_links on child.candidate_id = sibling_links.candidate_id
    where child.call_family = parent.call_family
    -- Which call a parent tells of may be settled by id.
    qualify not bool_or(child.id_group_id = parent.id_group_id) over (partition by parent.candidate_id)
),

units as (
    select
        parent_candidate_id,
        unit_id,
        is_parent_nameless,
        is_parent_usage_known,
        parent_input_tokens,
        parent_output_tokens,
        min(candidate_id) as candidate_id,
        max(input_tokens) as input_tokens,
        max(output_tokens) as output_tokens,
        bool_or(is_usage_known) as is_usage_known,
        bool_and(is_alike) as is_alike,
        bool_and(is_failed_attempt) as is_failed_attempt,
        bool_or(is_usage_equal) as is_usage_equal,
        min(started_at) as started_at
    from children
    group by all
),

units_counted as (
    select
        *,
        count(*) over (partition by parent_candidate_id) as unit_count,
        sum(input_tokens) over (partition by parent_candidate_id) as units_input_tokens,
        sum(output_tokens) over (partition by parent_candidate_id) as units_output_tokens
    from units
),

units_told_of as (
    select
        *,
        case
            when not is_alike then null
            when is_usage_equal then 'same_usage'
            when is_failed_attempt then null
            when unit_count = 1 and (not is_parent_usage_known or not is_usage_known) then 'only_call'
            when unit_count > 1 and is_parent_nameless and not is_parent_usage_known then 'frame'
            when
                unit_count > 1
                and is_parent_nameless
                and parent_input_tokens = units_input_tokens
                and parent_output_tokens = units_output_tokens
                then 'frame'
        end as told_by
    from units_counted
),

units_ranked as (
    select
        *,
        row_number() over (
            partition by parent_candidate_id
            order by is_usage_equal desc, started_at asc, unit_id asc
        ) as unit_rank
    from units_told_of
    where told_by is not null
),

links as (
    select
        candidate_id,
        linked_candidate_id,
        'sibling_span' as linked_by,
        false as is_frame
    from sibling_links
    union all
    select
        candidate_id,
        linked_candidate_id,
        'end_of_stream' as linked_by,
        false as is_frame
    from stream_links
    union all
    select
        parent_candidate_id as candidate_id,
        candidate_id as linked_candidate_id,
        'enclosed_span' as linked_by,
        told_by = 'frame' as is_frame
    from units_ranked
    where unit_rank = 1
)

select * from links
