{#
    Grain: one row per candidate_id, with the call it tells of and whether it speaks for it.

    One of each group speaks for the call (`kept`), the others are `superseded`. A frame never speaks; then whole usage goes first,
    the most figures of it, the higher output (a stream that was watched to its end), a named feature, the smallest object key.
    The call has the name of its best span, so that a log that comes later may speak for it and not rename it.
#}
{{ config(
    materialized='incremental',
    pre_hook="{{ delete_rows(is_of_changed_trace('coalesce(trace_id, candidate_id)')) }}"
) }}
with

candidates as (
    select
        unioned.candidate_id,
        unioned.source,
        unioned.trace_id,
        unioned.span_id,
        grouped.call_group_id,
        grouped.matched_by,
        row_number() over (
            partition by grouped.call_group_id
            order by
                grouped.is_frame asc,
                unioned.has_usage desc,
                unioned.usage_figure_count desc,
                unioned.output_tokens desc nulls last,
                unioned.feature_id is null asc,
                unioned.object_key asc nulls last,
                unioned.object_line asc nulls last,
                unioned.candidate_id asc
        ) as candidate_rank,
        unioned.delivery_count,
        unioned.usage_date
    from {{ ref('int_llm_call_candidates_unioned') }} as unioned
    inner join {{ ref('int_llm_call_candidates_grouped') }} as grouped on unioned.candidate_id = grouped.candidate_id
),

candidates_settled as (
    select
        candidate_id,
        source,
        trace_id,
        span_id,
        first_value(candidate_id) over (
            partition by call_group_id
            order by trace_id is null asc, candidate_rank asc
        ) as call_id,
        case when candidate_rank = 1 then 'kept' else 'superseded' end as role,
        case when count(*) over (partition by call_group_id) > 1 then matched_by end as matched_by,
        candidate_rank,
        delivery_count,
        usage_date
    from candidates
)

select * from candidates_settled
order by usage_date
