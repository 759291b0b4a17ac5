{#
    Each cell that has a bill: what its rows pay is what was billed, to the micro-dollar; in the mart as in the chain. The mart of
    costs knows no token class: there it holds for each day, charge, account and model.
#}
with

billed as (
    select
        cell_id,
        sum(billed_cost_usd) as billed_cost_usd
    from {{ ref('int_billing_cells_summed') }}
    group by cell_id
),

allocated as (
    select
        cell_id,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('int_billing_cells_allocated') }}
    where cost_status = 'billed'
    group by cell_id
),

cells_that_do_not_tie as (
    select
        coalesce(billed.cell_id, allocated.cell_id) as cell,
        billed.billed_cost_usd,
        allocated.allocated_cost_usd
    from billed
    full join allocated on billed.cell_id = allocated.cell_id
    -- A traced cell that the bill does not have pays nothing.
    where coalesce(billed.billed_cost_usd, 0) is distinct from allocated.allocated_cost_usd
),

rows_that_do_not_tie as (
    select
        concat_ws('|', usage_date, provider_name, billing_account_id, charge_category, model_id, token_class) as cell,
        billed_cost_usd,
        allocated_cost_usd + unattributed_cost_usd as allocated_cost_usd
    from {{ ref('fct_daily_reconciliations') }}
    where
        billed_cost_usd is not null
        and billed_cost_usd is distinct from allocated_cost_usd + unattributed_cost_usd
),

models_billed as (
    select
        concat_ws('|', usage_date, provider_name, billing_account_id, charge_category, model_id) as model_day,
        sum(billed_cost_usd) as billed_cost_usd
    from {{ ref('fct_daily_reconciliations') }}
    where billed_cost_usd is not null
    group by all
),

models_paid as (
    select
        concat_ws('|', usage_date, provider_name, billing_account_id, charge_category, model_id) as model_day,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('fct_daily_allocated_costs') }}
    where cost_status != 'estimated'
    group by all
),

models_that_do_not_tie as (
    select
        coalesce(models_billed.model_day, models_paid.model_day) as cell,
        models_billed.billed_cost_usd,
        models_paid.allocated_cost_usd
    from models_billed
    full join models_paid on models_billed.model_day = models_paid.model_day
    -- A call without usage is in the mart of costs alone, and pays nothing.
    where coalesce(models_billed.billed_cost_usd, 0) != coalesce(models_paid.allocated_cost_usd, 0)
)

select * from cells_that_do_not_tie
union all
select * from rows_that_do_not_tie
union all
select * from models_that_do_not_tie
