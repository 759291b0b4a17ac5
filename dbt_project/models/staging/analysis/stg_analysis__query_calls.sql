{# Grain: one row per call that a query caused; call_id. #}
with

query_calls as (
    select * from {{ source('analysis', 'query_calls') }}
),

query_calls_typed as (
    select
        cast(call_id as string) as call_id,
        cast(trace_id as string) as trace_id,
        cast(span_id as string) as span_id,
        cast(feature_id as string) as feature_id,
        cast(usage_date as date) as usage_date
    from query_calls
)

select * from query_calls_typed
