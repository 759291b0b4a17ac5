{#
    Grain: one row per call_id, with who asked and where the call belongs as far as any span says.

    For each fact on its own: what the speaking candidate says, else what the superseded ones say in their rank, else the nearest
    span above any of them that says it, at most twenty spans up; the ways up of the candidates are gone in their rank.
#}
with recursive

candidates as (
    select
        settled.call_id,
        settled.candidate_rank,
        unioned.trace_id,
        unioned.parent_span_id,
        unioned.feature_id,
        unioned.pipeline_id,
        unioned.journey_id,
        unioned.user_id,
        unioned.journey_name,
        unioned.task_type,
        unioned.prompt_version
    from {{ ref('int_llm_call_candidates_settled') }} as settled
    inner join {{ ref('int_llm_call_candidates_unioned') }} as unioned on settled.candidate_id = unioned.candidate_id
    where {{ is_of_changed_trace('coalesce(settled.trace_id, settled.candidate_id)', 'settled.usage_date') }}
),

spans as (
    select
        trace_id,
        span_id,
        parent_span_id,
        feature_id,
        pipeline_id,
        journey_id,
        user_id,
        journey_name,
        task_type,
        prompt_version
    from {{ ref('int_spans_deduplicated') }}
    where {{ is_of_changed_trace('trace_id') }}
),

told_by_candidates as (
    select
        call_id,
        {{ first_said('feature_id', 'candidate_rank') }} as feature_id,
        {{ first_said('pipeline_id', 'candidate_rank') }} as pipeline_id,
        {{ first_said('journey_id', 'candidate_rank') }} as journey_id,
        {{ first_said('user_id', 'candidate_rank') }} as user_id,
        {{ first_said('journey_name', 'candidate_rank') }} as journey_name,
        {{ first_said('task_type', 'candidate_rank') }} as task_type,
        {{ first_said('prompt_version', 'candidate_rank') }} as prompt_version
    from candidates
    group by call_id
),

climbed as (
    select
        candidates.call_id,
        candidates.candidate_rank,
        candidates.trace_id,
        candidates.parent_span_id as above_span_id,
        1 as hop_count
    from candidates
    inner join told_by_candidates on candidates.call_id = told_by_candidates.call_id
    where
        candidates.parent_span_id is not null
        and (
            told_by_candidates.feature_id is null
            or told_by_candidates.pipeline_id is null
            or told_by_candidates.journey_id is null
            or told_by_candidates.user_id is null
            or told_by_candidates.journey_name is null
            or told_by_candidates.task_type is null
            or told_by_candidates.prompt_version is null
        )
    union all
    select
        climbed.call_id,
        climbed.candidate_rank,
        climbed.trace_id,
        spans.parent_span_id as above_span_id,
        climbed.hop_count + 1 as hop_count
    from climbed
    inner join spans on climbed.trace_id = spans.trace_id and climbed.above_span_id = spans.span_id
    where spans.parent_span_id is not null and climbed.hop_count < 20
),

told_above as (
    select
        climbed.call_id,
        climbed.candidate_rank * 100 + climbed.hop_count as distance,
        spans.feature_id,
        spans.pipeline_id,
        spans.journey_id,
        spans.user_id,
        spans.journey_name,
        spans.task_type,
        spans.prompt_version
    from climbed
    inner join spans on climbed.trace_id = spans.trace_id and climbed.above_span_id = spans.span_id
),

told_by_nearest_above as (
    select
        call_id,
        {{ first_said('feature_id', 'distance') }} as feature_id,
        {{ first_said('pipeline_id', 'distance') }} as pipeline_id,
        {{ first_said('journey_id', 'distance') }} as journey_id,
        {{ first_said('user_id', 'distance') }} as user_id,
        {{ first_said('journey_name', 'distance') }} as journey_name,
        {{ first_said('task_type', 'distance') }} as task_type,
        {{ first_said('prompt_version', 'distance') }} as prompt_version
    from told_above
    group by call_id
),

contexts_inherited as (
    select
        told_by_candidates.call_id,
        coalesce(told_by_candidates.feature_id, told_by_nearest_above.feature_id) as feature_id,
        coalesce(told_by_candidates.pipeline_id, told_by_nearest_above.pipeline_id) as pipeline_id,
        coalesce(told_by_candidates.journey_id, told_by_nearest_above.journey_id) as journey_id,
        coalesce(told_by_candidates.user_id, told_by_nearest_above.user_id) as user_id,
        coalesce(told_by_candidates.journey_name, told_by_nearest_above.journey_name) as journey_name,
        coalesce(told_by_candidates.task_type, told_by_nearest_above.task_type) as task_type,
        coalesce(told_by_candidates.prompt_version, told_by_nearest_above.prompt_version) as prompt_version
    from told_by_candidates
    left join told_by_nearest_above on told_by_candidates.call_id = told_by_nearest_above.call_id
)

select * from contexts_inherited
