{#
    Grain: one row per as_of_date, feature_id, scenario, target_period and target_date; feature_id `total` is all features
    together.
#}
with

projections as (
    select
        feature_id,
        scenario,
        target_period,
        method,
        status,
        actual_status,
        error_horizon,
        month_number,
        actual_cost_usd,
        projected_cost_usd,
        low_cost_usd,
        high_cost_usd,
        missing_day_count,
        window_day_count,
        wape_ratio,
        bias_ratio,
        coverage_ratio,
        error_origin_count,
        is_backcast,
        as_of_date,
        target_date
    from {{ ref('stg_analysis__projections') }}
)

select * from projections
