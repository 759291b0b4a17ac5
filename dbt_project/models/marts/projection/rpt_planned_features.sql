{# Grain: one row per feature_id and pipeline_id as the build's date of issue sees it. #}
with

planned_features as (
    select
        feature_id,
        pipeline_id,
        status,
        plan_status,
        realised_status,
        owner,
        reason,
        share_ratio,
        assumed_multiplier,
        realised_multiplier,
        realised_day_count,
        cost_factor,
        order_number,
        extra_cost_usd,
        own_cost_usd,
        others_cost_usd,
        is_default_multiplier,
        launch_date,
        as_of_date
    from {{ ref('stg_analysis__planned_features') }}
)

select * from planned_features
