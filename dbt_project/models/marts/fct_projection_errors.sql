{# Grain: one row per as_of_date, feature_id, method and horizon_days. #}
with

errors as (
    select
        feature_id,
        method,
        status,
        horizon_days,
        origin_count,
        wape_ratio,
        bias_ratio,
        as_of_date
    from {{ ref('stg_analysis__projection_errors') }}
)

select * from errors
