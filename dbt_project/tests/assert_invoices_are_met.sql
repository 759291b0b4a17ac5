{#
    Per provider, account and month: the reconciliation holds every AI line of the bill, within a cent as rounded, and exactly
    with what rounding took away.
#}
with

lines as (
    select
        billing_account_id,
        date_trunc('month', usage_date) as usage_month,
        sum(billed_cost_usd) as billed_cost_usd
    from {{ ref('int_billing_lines_classified') }}
    group by billing_account_id, date_trunc('month', usage_date)
),

cells as (
    select
        billing_account_id,
        date_trunc('month', usage_date) as usage_month,
        sum(billed_cost_usd) as billed_cost_usd,
        sum(rounding_cost_usd) as rounding_cost_usd
    from {{ ref('fct_daily_reconciliations') }}
    where billed_cost_usd is not null
    group by billing_account_id, date_trunc('month', usage_date)
)

select
    lines.*,
    cells.billed_cost_usd as reconciled_cost_usd,
    cells.rounding_cost_usd
from lines
left join cells on lines.billing_account_id = cells.billing_account_id and lines.usage_month = cells.usage_month
where
    cells.billed_cost_usd is null
    or abs(lines.billed_cost_usd - cells.billed_cost_usd) > 0.01
    or lines.billed_cost_usd != cells.billed_cost_usd + cells.rounding_cost_usd
