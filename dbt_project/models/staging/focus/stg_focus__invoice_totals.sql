{#
    Grain: one row per billing_period, charge_provider_name, payer_account_id, billing_account_id, invoice_id,
    invoice_issuer_name, service_name, charge_category, currency_code and is_landed.
#}
with

invoice_totals as (
    select * from {{ source('focus', 'invoice_totals') }}
),

invoice_totals_typed as (
    select
        cast(billing_account_id as string) as payer_account_id,
        cast(sub_account_id as string) as billing_account_id,
        nullif(cast(invoice_id as string), '') as invoice_id,
        cast(billing_period as string) as billing_period,
        cast(provider_name as string) as charge_provider_name,
        cast(invoice_issuer_name as string) as invoice_issuer_name,
        cast(service_name as string) as service_name,
        lower(cast(charge_category as string)) as charge_category,
        cast(billing_currency as string) as currency_code,
        cast(line_count as bigint) as line_count,
        cast(billed_cost as decimal(38, 12)) as billed_cost,
        cast(effective_cost as decimal(38, 12)) as effective_cost,
        cast(is_landed as boolean) as is_landed
    from invoice_totals
)

select * from invoice_totals_typed
