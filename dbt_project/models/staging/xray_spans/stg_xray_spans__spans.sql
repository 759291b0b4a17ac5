{# Grain: one row per landed span: trace_id, span_id and landing_date. #}
with

spans as (
    select * from {{ source('xray_spans', 'spans') }}
),

spans_typed as (
    {{ typed_spans('spans') }}
)

select * from spans_typed
