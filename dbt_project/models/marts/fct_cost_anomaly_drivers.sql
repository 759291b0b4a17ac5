{#
    Grain: one row per usage_date, feature_id, driver and detail, of days in fct_cost_anomalies. A day's rows add up to its excess over
    the baseline, to the micro-dollar; feature_id `total` is all features together, and not the sum of the others' excesses.
#}
with

drivers as (
    select
        feature_id,
        driver,
        detail,
        contribution_cost_usd,
        usage_date
    from {{ ref('stg_analysis__cost_anomaly_drivers') }}
)

select * from drivers
