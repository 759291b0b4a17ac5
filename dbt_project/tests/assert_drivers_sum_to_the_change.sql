{# A week's drivers add up to the change of its usage cost against the week before, to the micro-dollar. #}
with

weeks as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        coalesce(sum(allocated_cost_usd), 0) as cost_usd
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
    group by date_trunc('week', usage_date)
),

changes as (
    select
        weeks.week_start_date,
        weeks.cost_usd - weeks_before.cost_usd as change_cost_usd
    from weeks
    inner join weeks as weeks_before on weeks.week_start_date = weeks_before.week_start_date + 7
),

drivers as (
    select
        week_start_date,
        sum(contribution_cost_usd) as contribution_cost_usd
    from {{ ref('fct_cost_drivers') }}
    group by week_start_date
)

select
    coalesce(changes.week_start_date, drivers.week_start_date) as week_start_date,
    changes.change_cost_usd,
    drivers.contribution_cost_usd
from changes
full join drivers on changes.week_start_date = drivers.week_start_date
where coalesce(changes.change_cost_usd, 0) != coalesce(drivers.contribution_cost_usd, 0)
