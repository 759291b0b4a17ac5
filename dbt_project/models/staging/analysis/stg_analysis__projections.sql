{# Grain: one row per as_of_date, feature_id, scenario and target_date. #}
with

projections as (
    select * from {{ source('analysis', 'projections') }}
),

projections_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(scenario as string) as scenario,
        cast(method as string) as method,
        cast(status as string) as status,
        cast(projected_cost_usd as decimal(18, 6)) as projected_cost_usd,
        cast(low_cost_usd as decimal(18, 6)) as low_cost_usd,
        cast(high_cost_usd as decimal(18, 6)) as high_cost_usd,
        cast(window_day_count as bigint) as window_day_count,
        cast(as_of_date as date) as as_of_date,
        cast(target_date as date) as target_date
    from projections
)

select * from projections_typed
