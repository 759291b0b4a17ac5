{# Grain: one row per usage_date that Cost Explorer was asked for. #}
with

reported_days as (
    select * from {{ source('cost_explorer', 'reported_days') }}
),

days_typed as (
    select
        cast(group_count as bigint) as group_count,
        cast(is_estimated as boolean) as is_estimated,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from reported_days
)

select * from days_typed
