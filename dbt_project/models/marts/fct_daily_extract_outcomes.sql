{# Grain: one row per source and landing_date; how the latest landing of that day ended. #}
with

outcomes as (
    select * from {{ ref('stg_lake__extract_outcomes') }}
),

extract_outcomes as (
    select
        source,
        status,
        error,
        read_count,
        loaded_count,
        ignored_count,
        quarantined_count,
        duplicate_count,
        read_bytes,
        api_call_count,
        landing_date,
        extracted_at
    from outcomes
)

select * from extract_outcomes
