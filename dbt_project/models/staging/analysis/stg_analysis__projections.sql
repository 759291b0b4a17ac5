{# Grain: one row per as_of_date, feature_id, scenario, target_period and target_date. #}
with

projections as (
    select * from {{ source('analysis', 'projections') }}
),

projections_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(scenario as string) as scenario,
        cast(target_period as string) as target_period,
        cast(method as string) as method,
        cast(status as string) as status,
        cast(actual_status as string) as actual_status,
        cast(error_horizon as string) as error_horizon,
        cast(month_number as bigint) as month_number,
        cast(actual_cost_usd as decimal(18, 6)) as actual_cost_usd,
        cast(projected_cost_usd as decimal(18, 6)) as projected_cost_usd,
        cast(low_cost_usd as decimal(18, 6)) as low_cost_usd,
        cast(high_cost_usd as decimal(18, 6)) as high_cost_usd,
        cast(missing_day_count as bigint) as missing_day_count,
        cast(window_day_count as bigint) as window_day_count,
        cast(wape_ratio as double) as wape_ratio,
        cast(bias_ratio as double) as bias_ratio,
        cast(coverage_ratio as double) as coverage_ratio,
        cast(error_origin_count as bigint) as error_origin_count,
        cast(is_backcast as boolean) as is_backcast,
        cast(as_of_date as date) as as_of_date,
        cast(target_date as date) as target_date
    from projections
)

select * from projections_typed
