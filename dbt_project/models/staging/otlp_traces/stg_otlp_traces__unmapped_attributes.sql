{# Grain: one row per landing_date, attribute_name and service_name. #}
with

unmapped_attributes as (
    select * from {{ source('otlp_traces', 'unmapped_attributes') }}
),

unmapped_attributes_typed as (
    select
        cast(attribute_name as string) as attribute_name,
        coalesce(nullif(trim(cast(service_name as string)), ''), 'unknown') as service_name,
        cast(span_count as bigint) as span_count,
        cast(landing_date as date) as landing_date
    from unmapped_attributes
)

select * from unmapped_attributes_typed
