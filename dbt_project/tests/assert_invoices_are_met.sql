{#
    Per provider, account, billing period and invoice (NULL: not invoiced yet): every AI line of the bill is in the
    reconciliation, exactly with what rounding took away, and within a cent as rounded. A cell is a day's, and a day's usage may
    stand on two invoices: what is wrong in such a cell shows on both. A cell that no line is in has no invoice. As the lake is read
    now: what of that stands in a closed month, and what is a correction, is assert_closed_months_and_corrections_meet_the_bill.
#}
with

parts as (
    select
        {{ cell_id('charge_category') }} as cell_id,
        provider_name,
        billing_account_id,
        billing_period,
        invoice_id,
        sum(billed_cost_usd) as billed_cost_usd
    from {{ ref('int_billing_lines_classified') }}
    group by all
),

cells as (
    select
        {{ cell_id('charge_category') }} as cell_id,
        provider_name,
        billing_account_id,
        allocated_cost_usd + unattributed_cost_usd + rounding_cost_usd as reconciled_cost_usd,
        rounding_cost_usd
    from {{ ref('int_daily_cells_reconciled') }}
    -- On a billed day, what was traced and is not on the bill stands here with 0.
    where billed_cost_usd != 0 or allocated_cost_usd != 0 or rounding_cost_usd != 0
),

parts_compared as (
    select
        coalesce(parts.provider_name, cells.provider_name) as provider_name,
        coalesce(parts.billing_account_id, cells.billing_account_id) as billing_account_id,
        parts.billing_period,
        parts.invoice_id,
        parts.billed_cost_usd,
        coalesce(cells.reconciled_cost_usd, 0)
        - coalesce(sum(parts.billed_cost_usd) over (partition by parts.cell_id), 0) as difference_usd,
        coalesce(cells.rounding_cost_usd, 0) as rounding_cost_usd
    from parts
    full join cells on parts.cell_id = cells.cell_id
)

select
    provider_name,
    billing_account_id,
    billing_period,
    invoice_id,
    sum(billed_cost_usd) as billed_cost_usd,
    sum(coalesce(billed_cost_usd, 0) + difference_usd) as reconciled_cost_usd,
    sum(rounding_cost_usd) as rounding_cost_usd
from parts_compared
group by provider_name, billing_account_id, billing_period, invoice_id
having bool_or(difference_usd != 0) or abs(sum(rounding_cost_usd)) > 0.01
