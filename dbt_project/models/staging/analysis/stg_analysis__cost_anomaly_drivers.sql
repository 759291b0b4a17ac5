{# Grain: one row per usage_date, feature_id, driver and detail. #}
with

drivers as (
    select * from {{ source('analysis', 'cost_anomaly_drivers') }}
),

drivers_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(driver as string) as driver,
        cast(detail as string) as detail,
        cast(contribution_cost_usd as decimal(18, 6)) as contribution_cost_usd,
        cast(usage_date as date) as usage_date
    from drivers
)

select * from drivers_typed
