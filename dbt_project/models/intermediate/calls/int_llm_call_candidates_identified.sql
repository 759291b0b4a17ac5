{#
    Grain: one row per candidate_id, with the group of candidates that carry the same provider id.

    Within a trace an id is one call, unless two candidates with it did not run at the same time and say different usage: then it is
    no id. Across traces it must be 16 characters or longer, and the candidates must have run at the same time, as spans do whose
    context was lost on the way; a record without a trace, by a clock of its own, within a minute. A response id goes before a request id: candidates with two response ids are two calls whatever request id they share,
    and one without a response id joins the only response that its request id leads to.
    Rule and evidence: docs/decisions/0005-one-call-once.md
#}
with

candidates as (
    select
        candidate_id,
        coalesce(trace_id, candidate_id) as trace_id,
        response_id,
        request_id,
        cast(input_tokens as string) || '/' || cast(output_tokens as string) as usage_total,
        case when trace_id is null then started_at - interval 60 second else started_at end as started_at,
        case when trace_id is null then ended_at + interval 60 second else ended_at end as ended_at
    from {{ ref('int_llm_call_candidates_unioned') }}
),

ids as (
    select
        candidate_id,
        trace_id,
        'response_id' as id_kind,
        response_id as provider_id,
        usage_total,
        started_at,
        ended_at
    from candidates
    where response_id is not null
    union all
    select
        candidate_id,
        trace_id,
        'request_id' as id_kind,
        request_id as provider_id,
        usage_total,
        started_at,
        ended_at
    from candidates
    where request_id is not null
),

ids_beside_those_before as (
    select
        *,
        max(ended_at) over earlier as latest_end_before,
        {{ last_said('usage_total', 'earlier') }} as usage_total_before
    from ids
    window earlier as (
        partition by id_kind, provider_id, trace_id
        order by started_at asc, candidate_id asc
        rows between unbounded preceding and 1 preceding
    )
),

ids_numbered_in_trace as (
    select
        *,
        sum(
            case when started_at > latest_end_before and usage_total != usage_total_before then 1 else 0 end
        ) over (
            partition by id_kind, provider_id, trace_id
            order by started_at asc, candidate_id asc
            rows between unbounded preceding and current row
        ) as call_number
    from ids_beside_those_before
),

groups_in_trace as (
    select
        id_kind,
        provider_id,
        trace_id,
        call_number,
        min(candidate_id) as trace_group_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from ids_numbered_in_trace
    group by id_kind, provider_id, trace_id, call_number
),

groups_beside_those_before as (
    select
        *,
        max(call_number) over (partition by id_kind, provider_id) as highest_call_number,
        max(ended_at) over (
            partition by id_kind, provider_id
            order by started_at asc, trace_group_id asc
            rows between unbounded preceding and 1 preceding
        ) as latest_end_before
    from groups_in_trace
),

groups_numbered_across_traces as (
    select
        *,
        sum(
            case
                when
                    length(provider_id) >= 16
                    -- An id that names two calls in one trace is not believed across traces.
                    and highest_call_number = 0
                    and started_at <= latest_end_before
                    then 0
                else 1
            end
        ) over (
            partition by id_kind, provider_id
            order by started_at asc, trace_group_id asc
            rows between unbounded preceding and current row
        ) as group_number
    from groups_beside_those_before
),

groups_named as (
    select
        *,
        min(trace_group_id) over (partition by id_kind, provider_id, group_number) as group_id
    from groups_numbered_across_traces
),

candidates_by_id as (
    select
        ids_numbered_in_trace.candidate_id,
        max(groups_named.group_id) filter (where groups_named.id_kind = 'response_id') as response_group_id,
        max(groups_named.group_id) filter (where groups_named.id_kind = 'request_id') as request_group_id
    from ids_numbered_in_trace
    inner join groups_named
        on
            ids_numbered_in_trace.id_kind = groups_named.id_kind
            and ids_numbered_in_trace.provider_id = groups_named.provider_id
            and ids_numbered_in_trace.trace_id = groups_named.trace_id
            and ids_numbered_in_trace.call_number = groups_named.call_number
    group by ids_numbered_in_trace.candidate_id
),

request_groups as (
    select
        request_group_id,
        count(distinct response_group_id) as response_group_count,
        min(response_group_id) as response_group_id
    from candidates_by_id
    where request_group_id is not null
    group by request_group_id
),

candidates_identified as (
    select
        candidates.candidate_id,
        coalesce(
            candidates_by_id.response_group_id,
            case
                when request_groups.response_group_count = 1 then request_groups.response_group_id
                when request_groups.response_group_count = 0 then request_groups.request_group_id
            end,
            candidates.candidate_id
        ) as id_group_id,
        case
            when candidates_by_id.response_group_id is not null then 'response_id'
            when request_groups.response_group_count <= 1 then 'request_id'
        end as identified_by
    from candidates
    left join candidates_by_id on candidates.candidate_id = candidates_by_id.candidate_id
    left join request_groups on candidates_by_id.request_group_id = request_groups.request_group_id
)

select * from candidates_identified
