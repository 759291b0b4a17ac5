{# Grain: one row per week_start_date, feature_id, driver and detail. A week's rows add up to its change of cost. #}
with

drivers as (
    select
        feature_id,
        driver,
        detail,
        contribution_cost_usd,
        week_start_date
    from {{ ref('stg_analysis__cost_drivers') }}
)

select * from drivers
