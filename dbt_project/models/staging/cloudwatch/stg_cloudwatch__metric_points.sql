{# Grain: one row per namespace, metric_name, statistic, dimensions_json, period_seconds and point_at. #}
with

points as (
    select * from {{ source('cloudwatch', 'metric_points') }}
),

points_typed as (
    select
        cast(feature as string) as feature_id,
        cast(namespace as string) as namespace,
        cast(metric_name as string) as metric_name,
        cast(statistic as string) as statistic,
        cast(dimensions_json as string) as dimensions_json,
        cast(model as string) as model,
        cast(unit as string) as unit,
        cast(period_seconds as integer) as period_seconds,
        cast(value as double) as value,
        cast(metric_date as date) as metric_date,
        cast(landing_date as date) as landing_date,
        {{ utc_timestamp('point_at') }} as point_at
    from points
)

select * from points_typed
