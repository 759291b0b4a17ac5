{# Grain: one row per source, landing_date, object_key and place that could not be read. #}
with

quarantined as (
    select * from {{ source('lake', 'extract_quarantine') }}
),

quarantined_typed as (
    select
        cast(source as string) as source,
        cast(object_key as string) as object_key,
        cast(place as string) as place,
        cast(reason as string) as reason,
        cast(record_count as bigint) as record_count,
        cast(landing_date as date) as landing_date
    from quarantined
)

select * from quarantined_typed
