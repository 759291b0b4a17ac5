{# Grain: one row per source and landing_date; the latest outcome of that landing. #}
with

outcomes as (
    select * from {{ source('lake', 'extract_outcomes') }}
),

outcomes_typed as (
    select
        cast(source as string) as source,
        cast(status as string) as status,
        cast(error as string) as error,
        cast(read_count as bigint) as read_count,
        cast(loaded_count as bigint) as loaded_count,
        cast(ignored_count as bigint) as ignored_count,
        cast(quarantined_count as bigint) as quarantined_count,
        cast(duplicate_count as bigint) as duplicate_count,
        cast(bytes_read as bigint) as read_bytes,
        cast(api_call_count as bigint) as api_call_count,
        cast(landing_seconds as double) as landing_seconds,
        coalesce(cardinality(partitions) > 0, false) as is_landed,
        cast(landing_date as date) as landing_date,
        cast(as_of_date as date) as as_of_date,
        {{ utc_timestamp('extracted_at') }} as extracted_at
    from outcomes
)

select * from outcomes_typed
