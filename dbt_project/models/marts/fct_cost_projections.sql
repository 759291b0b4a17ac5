{# Grain: one row per as_of_date, feature_id, scenario and target_date; feature_id `total` is all features together. #}
with

projections as (
    select
        feature_id,
        scenario,
        method,
        status,
        projected_cost_usd,
        low_cost_usd,
        high_cost_usd,
        window_day_count,
        as_of_date,
        target_date
    from {{ ref('stg_analysis__projections') }}
)

select * from projections
