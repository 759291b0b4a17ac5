{#
    Grain: one row per week_start_date, feature_id, driver and detail. A week's rows add up to its change of cost, as far as the
    costs are known; they say why only where the two weeks can be compared.
#}
with

drivers as (
    select
        feature_id,
        driver,
        detail,
        contribution_cost_usd,
        week_start_date
    from {{ ref('stg_analysis__cost_drivers') }}
),

comparable_weeks as (
    select week_start_date
    from {{ ref('int_weekly_costs_summed') }}
    where not_compared_reason is null
),

cost_drivers as (
    select
        drivers.feature_id,
        drivers.driver,
        drivers.detail,
        drivers.contribution_cost_usd,
        comparable_weeks.week_start_date is not null as is_comparable,
        drivers.week_start_date
    from drivers
    left join comparable_weeks on drivers.week_start_date = comparable_weeks.week_start_date
)

select * from cost_drivers
