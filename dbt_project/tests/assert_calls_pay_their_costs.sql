{#
    Calls whose bill is there pay, day by day of the calls, what int_llm_call_costs_allocated says of them, to the pico-dollar; a call of
    which a part waits for its bill is in neither sum.
#}
with

calls as (
    select
        usage_date,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('fct_llm_calls') }}
    where cost_status = 'billed'
    group by usage_date
),

costs_of_calls as (
    select
        call_id,
        call_date,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('int_llm_call_costs_allocated') }}
    group by call_id, call_date
    having bool_and(cost_status = 'billed')
),

costs as (
    select
        call_date,
        sum(allocated_cost_usd) as allocated_cost_usd
    from costs_of_calls
    group by call_date
)

select
    coalesce(calls.usage_date, costs.call_date) as usage_date,
    calls.allocated_cost_usd as call_cost_usd,
    costs.allocated_cost_usd as cost_usd
from calls
full join costs on calls.usage_date = costs.call_date
-- A day of calls without usage has no costs, and pays none.
where coalesce(calls.allocated_cost_usd, 0) != coalesce(costs.allocated_cost_usd, 0)
