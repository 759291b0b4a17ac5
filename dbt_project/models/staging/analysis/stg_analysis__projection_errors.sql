{# Grain: one row per as_of_date, feature_id, method and horizon. #}
with

errors as (
    select * from {{ source('analysis', 'projection_errors') }}
),

errors_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(method as string) as method,
        cast(horizon as string) as horizon,
        cast(method_in_use as string) as method_in_use,
        cast(status as string) as status,
        cast(horizon_days as bigint) as horizon_days,
        cast(origin_count as bigint) as origin_count,
        cast(wape_ratio as double) as wape_ratio,
        cast(bias_ratio as double) as bias_ratio,
        cast(coverage_ratio as double) as coverage_ratio,
        cast(is_in_use as boolean) as is_in_use,
        cast(as_of_date as date) as as_of_date
    from errors
)

select * from errors_typed
