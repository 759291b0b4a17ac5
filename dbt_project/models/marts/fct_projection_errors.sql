{# Grain: one row per as_of_date, feature_id, method and horizon. #}
with

errors as (
    select
        feature_id,
        method,
        horizon,
        method_in_use,
        status,
        horizon_days,
        origin_count,
        wape_ratio,
        bias_ratio,
        coverage_ratio,
        is_in_use,
        as_of_date
    from {{ ref('stg_analysis__projection_errors') }}
)

select * from errors
