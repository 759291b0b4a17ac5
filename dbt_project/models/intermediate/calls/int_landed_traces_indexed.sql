{#
    Grain: one row per source, trace_key, response_id, request_id, usage_date and landing_date.

    Which trace lies on which days and in which landings, and the provider's ids in it by which calls are found in other traces
    too. A record without a trace is a trace of its own. What happened after the build's last day is here as well: it is
    due in a later build.
#}
{{ config(
    materialized='incremental',
    pre_hook="{{ delete_changed_landings(['traces', 'xray_spans', 'bedrock_logs']) }}"
) }}
with

otlp_spans as (
    select * from {{ ref('stg_otlp_traces__spans') }}
    where {{ is_landed_since('traces') }}
),

xray_spans as (
    select * from {{ ref('stg_xray_spans__spans') }}
    where {{ is_landed_since('xray_spans') }}
),

invocations as (
    select * from {{ ref('stg_bedrock_logs__invocations') }}
    where {{ is_landed_since('bedrock_logs') }}
),

records as (
    select
        'traces' as source,
        trace_id as trace_key,
        case when is_llm_call then response_id end as response_id,
        case when is_llm_call then request_id end as request_id,
        usage_date,
        landing_date
    from otlp_spans
    union all
    select
        'xray_spans' as source,
        trace_id as trace_key,
        case when is_llm_call then response_id end as response_id,
        case when is_llm_call then request_id end as request_id,
        usage_date,
        landing_date
    from xray_spans
    union all
    select
        'bedrock_logs' as source,
        invocation_id as trace_key,
        response_id,
        request_id,
        usage_date,
        landing_date
    from invocations
),

traces_indexed as (
    select distinct
        source,
        trace_key,
        -- Shorter ones are believed within a trace only.
        case when length(response_id) >= 16 then response_id end as response_id,
        case when length(request_id) >= 16 then request_id end as request_id,
        usage_date,
        landing_date
    from records
)

select * from traces_indexed
order by landing_date, usage_date
