{# Grain: one row per landing_date, attribute_name and service_name, over all sources of spans. #}
with

unmapped_attributes_unioned as (
    select * from {{ ref('stg_otlp_traces__unmapped_attributes') }}
    union all
    select * from {{ ref('stg_xray_spans__unmapped_attributes') }}
),

unmapped_attributes as (
    select
        attribute_name,
        service_name,
        cast(sum(span_count) as bigint) as span_count,
        landing_date
    from unmapped_attributes_unioned
    group by attribute_name, service_name, landing_date
)

select * from unmapped_attributes
