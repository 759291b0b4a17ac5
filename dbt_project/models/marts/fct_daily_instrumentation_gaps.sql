{# Grain: one row per usage_date, scope_name, service_name, provider_name, request_model, reason and usage_gap. #}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select
        scope_name,
        service_name,
        provider_name,
        request_model,
        case
            when is_error then 'call_failed'
            when usage_figure_count > 0 then 'partial_usage'
            else 'no_usage'
        end as reason,
        coalesce(usage_gap, 'not_said') as usage_gap,
        usage_date
    from {{ ref('int_llm_calls_resolved') }}
    where not has_usage and {{ is_on_changed_day() }}
),

frames as (
    select
        coalesce(scope_name, 'unknown') as scope_name,
        coalesce(service_name, 'unknown') as service_name,
        coalesce(provider_name, 'unknown') as provider_name,
        coalesce(request_model, 'unknown') as request_model,
        'usage_on_frame_only' as reason,
        'not_said' as usage_gap,
        usage_date
    from {{ ref('int_uncalled_frames_found') }}
    where {{ is_on_changed_day() }}
),

silent_spans as (
    select
        coalesce(scope_name, 'unknown') as scope_name,
        coalesce(service_name, 'unknown') as service_name,
        'unknown' as provider_name,
        'unknown' as request_model,
        'no_attributes' as reason,
        'not_said' as usage_gap,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    -- Written by a library of LLM calls, and saying nothing.
    where attribute_count = 0 and dialect != 'other' and {{ is_on_changed_day() }}
),

gaps as (
    select * from calls
    union all
    select * from frames
    union all
    select * from silent_spans
),

gaps_counted as (
    select
        scope_name,
        service_name,
        provider_name,
        request_model,
        reason,
        usage_gap,
        count(*) as call_count,
        usage_date
    from gaps
    group by usage_date, scope_name, service_name, provider_name, request_model, reason, usage_gap
)

select * from gaps_counted
