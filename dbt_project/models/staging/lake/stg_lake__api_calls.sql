{# Grain: one row per source, landing_date, service_name, operation_name and region_id. #}
with

api_calls as (
    select * from {{ source('lake', 'extract_api_calls') }}
),

api_calls_typed as (
    select
        cast(source as string) as source,
        cast(service_name as string) as service_name,
        cast(operation_name as string) as operation_name,
        coalesce(cast(region_id as string), 'none') as region_id,
        cast(call_count as bigint) as call_count,
        cast(item_count as bigint) as item_count,
        cast(landing_date as date) as landing_date
    from api_calls
)

select * from api_calls_typed
