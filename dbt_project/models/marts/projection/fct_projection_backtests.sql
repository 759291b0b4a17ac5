{# Grain: one row per origin_date (Monday), feature_id, method and horizon whose days have passed. #}
with

backtests as (
    select
        feature_id,
        method,
        horizon,
        status,
        projected_cost_usd,
        low_cost_usd,
        high_cost_usd,
        actual_cost_usd,
        absolute_error_usd,
        interval_scale,
        horizon_day_count,
        known_day_count,
        is_in_interval,
        is_method_in_use,
        origin_date,
        last_target_date
    from {{ ref('stg_analysis__projection_backtests') }}
)

select * from backtests
