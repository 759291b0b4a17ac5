{#
    Grain: one row per billing_period, billing_entity, bill_type, payer_account_id, invoice_id, invoicing_entity,
    billing_account_id, product_code, line_item_type, currency_code and is_landed.
#}
with

invoice_totals as (
    select * from {{ source('aws_billing', 'invoice_totals') }}
),

invoice_totals_typed as (
    select
        cast(bill_payer_account_id as string) as payer_account_id,
        cast(line_item_usage_account_id as string) as billing_account_id,
        nullif(cast(bill_invoice_id as string), '') as invoice_id,
        cast(billing_period as string) as billing_period,
        cast(bill_bill_type as string) as bill_type,
        cast(bill_billing_entity as string) as billing_entity,
        cast(bill_invoicing_entity as string) as invoicing_entity,
        cast(line_item_product_code as string) as product_code,
        cast(line_item_line_item_type as string) as line_item_type,
        cast(line_item_currency_code as string) as currency_code,
        cast(line_count as bigint) as line_count,
        cast(line_item_unblended_cost as decimal(38, 12)) as billed_cost,
        cast(line_item_net_unblended_cost as decimal(38, 12)) as net_billed_cost,
        cast(is_landed as boolean) as is_landed
    from invoice_totals
)

select * from invoice_totals_typed
