{# Grain: one row per provider_name, billing_account_id and usage_date on which the bill has usage. #}
with

charges as (
    select * from {{ ref('int_billing_cells_summed') }}
    where charge_category = 'usage'
),

account_days_billed as (
    select distinct
        billing_account_id,
        provider_name,
        usage_date
    from charges
)

select * from account_days_billed
