{# Grain: one row per origin_date, feature_id, method and horizon. #}
with

backtests as (
    select * from {{ source('analysis', 'projection_backtests') }}
),

backtests_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(method as string) as method,
        cast(horizon as string) as horizon,
        cast(status as string) as status,
        cast(projected_cost_usd as decimal(18, 6)) as projected_cost_usd,
        cast(low_cost_usd as decimal(18, 6)) as low_cost_usd,
        cast(high_cost_usd as decimal(18, 6)) as high_cost_usd,
        cast(actual_cost_usd as decimal(18, 6)) as actual_cost_usd,
        cast(absolute_error_usd as decimal(18, 6)) as absolute_error_usd,
        cast(interval_scale as double) as interval_scale,
        cast(horizon_day_count as bigint) as horizon_day_count,
        cast(known_day_count as bigint) as known_day_count,
        cast(is_in_interval as boolean) as is_in_interval,
        cast(is_method_in_use as boolean) as is_method_in_use,
        cast(origin_date as date) as origin_date,
        cast(last_target_date as date) as last_target_date
    from backtests
)

select * from backtests_typed
