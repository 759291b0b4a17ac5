{# Grain: one row per source, landing_date and object_key. #}
with

objects as (
    select * from {{ source('lake', 'extract_objects') }}
),

objects_typed as (
    select
        cast(source as string) as source,
        cast(object_key as string) as object_key,
        cast(reason as string) as reason,
        cast(bytes_read as bigint) as read_bytes,
        cast(read_count as bigint) as read_count,
        cast(loaded_count as bigint) as loaded_count,
        cast(ignored_count as bigint) as ignored_count,
        cast(quarantined_count as bigint) as quarantined_count,
        cast(duplicate_count as bigint) as duplicate_count,
        cast(landing_date as date) as landing_date
    from objects
)

select * from objects_typed
