{# Grain: one row per feature_id and pipeline_id. #}
with

planned_features as (
    select * from {{ source('analysis', 'planned_features') }}
),

planned_features_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(pipeline_id as string) as pipeline_id,
        cast(status as string) as status,
        cast(plan_status as string) as plan_status,
        cast(realised_status as string) as realised_status,
        cast(owner as string) as owner,
        cast(reason as string) as reason,
        cast(share_ratio as double) as share_ratio,
        cast(assumed_multiplier as double) as assumed_multiplier,
        cast(realised_multiplier as double) as realised_multiplier,
        cast(realised_day_count as bigint) as realised_day_count,
        cast(cost_factor as double) as cost_factor,
        cast(order_number as bigint) as order_number,
        cast(extra_cost_usd as decimal(18, 6)) as extra_cost_usd,
        cast(own_cost_usd as decimal(18, 6)) as own_cost_usd,
        cast(others_cost_usd as decimal(18, 6)) as others_cost_usd,
        cast(is_default_multiplier as boolean) as is_default_multiplier,
        cast(launch_date as date) as launch_date,
        cast(as_of_date as date) as as_of_date
    from planned_features
)

select * from planned_features_typed
