{# Grain: one row per landing_date, attribute_name and service_name. #}
with

unmapped_attributes as (
    select
        attribute_name,
        service_name,
        span_count,
        landing_date
    from {{ ref('stg_otlp_traces__unmapped_attributes') }}
)

select * from unmapped_attributes
