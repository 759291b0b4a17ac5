{# Grain: one row per usage_date, object_key and field_name. #}
with

unread_fields as (
    select * from {{ source('anthropic', 'unread_fields') }}
),

fields_typed as (
    select
        cast(report as string) as report,
        cast(field_name as string) as field_name,
        cast(object_key as string) as object_key,
        cast(result_count as bigint) as result_count,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from unread_fields
)

select * from fields_typed
