{# Grain: one row per run_date and station_name; the build published last of those that held run_date as their last
   day. #}
with

station_runs as (
    select * from {{ source('lake', 'station_runs') }}
),

station_runs_typed as (
    select
        cast(station_name as string) as station_name,
        cast(row_count as bigint) as row_count,
        cast(run_seconds as double) as run_seconds,
        cast(run_date as date) as run_date,
        {{ utc_timestamp('ended_at') }} as ended_at
    from station_runs
)

select * from station_runs_typed
