{# Grain: one row per landed span: trace_id, span_id and landing_date. #}
with

spans as (
    select * from {{ source('otlp_traces', 'spans') }}
),

spans_typed as (
    {{ typed_spans('spans') }}
)

select * from spans_typed
