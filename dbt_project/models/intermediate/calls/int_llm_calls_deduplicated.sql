{#
    Grain: one row per LLM call; call_id.

    Usage, times and outcome are those of the candidate that speaks for the call: mixing two spans' token classes could count a token
    twice. What it does not say of trace, account, model, ids and processing is taken from the superseded candidates in their rank,
    who asked also from the spans above.
#}
{{ config(
    materialized='incremental',
    pre_hook="{{ delete_rows(is_of_changed_trace('coalesce(trace_id, call_id)')) }}"
) }}
with

candidates as (
    select
        unioned.*,
        settled.call_id,
        settled.candidate_rank
    from {{ ref('int_llm_call_candidates_unioned') }} as unioned
    inner join {{ ref('int_llm_call_candidates_settled') }} as settled on unioned.candidate_id = settled.candidate_id
    where {{ is_of_changed_trace('coalesce(settled.trace_id, settled.candidate_id)', 'settled.usage_date') }}
),

contexts as (
    select * from {{ ref('int_llm_call_contexts_inherited') }}
),

candidates_summed_to_call as (
    select
        call_id,
        {{ first_said('trace_id', 'candidate_rank') }} as trace_id,
        {{ first_said('span_id', 'candidate_rank') }} as span_id,
        {{ first_said('scope_name', 'candidate_rank') }} as scope_name,
        {{ first_said('account_id', 'candidate_rank') }} as account_id,
        {{ first_said('response_id', 'candidate_rank') }} as response_id,
        {{ first_said('request_id', 'candidate_rank') }} as request_id,
        {{ first_said('service_name', 'candidate_rank') }} as service_name,
        {{ first_said('provider_name', 'candidate_rank') }} as provider_name,
        {{ first_said('request_model', 'candidate_rank') }} as request_model,
        {{ first_said('response_model', 'candidate_rank') }} as response_model,
        {{ first_said('model_tier', 'candidate_rank') }} as model_tier,
        {{ first_said('processing', 'candidate_rank') }} as processing,
        {{ first_said('usage_gap', 'candidate_rank') }} as usage_gap,
        {{ first_said('retry_count', 'candidate_rank') }} as retry_count,
        {{ first_said('time_to_first_token_ms', 'candidate_rank') }} as time_to_first_token_ms,
        count(*) as candidate_count,
        sum(delivery_count) as landed_span_count
    from candidates
    group by call_id
),

calls as (
    select
        speakers.call_id,
        facts.trace_id,
        facts.span_id,
        speakers.source,
        facts.account_id,
        facts.response_id,
        facts.request_id,
        contexts.feature_id,
        contexts.pipeline_id,
        contexts.journey_id,
        contexts.user_id,
        contexts.journey_name,
        facts.scope_name,
        facts.service_name,
        speakers.dialect,
        speakers.operation_name,
        facts.provider_name,
        facts.request_model,
        facts.response_model,
        contexts.task_type,
        facts.model_tier,
        contexts.prompt_version,
        coalesce(facts.processing, 'on_demand') as processing,
        facts.usage_gap,
        speakers.uncached_input_tokens,
        speakers.cache_read_input_tokens,
        speakers.cache_write_5m_input_tokens,
        speakers.cache_write_1h_input_tokens,
        speakers.output_tokens,
        speakers.reasoning_output_tokens,
        speakers.search_unit_count,
        facts.retry_count,
        speakers.input_document_count,
        speakers.usage_figure_count,
        cast(facts.candidate_count as bigint) as candidate_count,
        cast(facts.landed_span_count as bigint) as landed_span_count,
        facts.time_to_first_token_ms,
        speakers.has_usage,
        speakers.is_error,
        speakers.usage_date,
        speakers.started_at,
        speakers.ended_at
    from candidates as speakers
    inner join candidates_summed_to_call as facts on speakers.call_id = facts.call_id
    inner join contexts on speakers.call_id = contexts.call_id
    where speakers.candidate_rank = 1
)

select * from calls
order by usage_date
