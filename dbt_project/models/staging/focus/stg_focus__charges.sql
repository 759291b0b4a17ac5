{# Grain: one row per charge of the newest delivery of each billing period; charges have no id of their own. #}
with

charges as (
    select * from {{ source('focus', 'charges') }}
),

charges_typed as (
    select
        cast(billing_account_id as varchar) as payer_account_id,
        cast(sub_account_id as varchar) as billing_account_id,
        nullif(cast(invoice_id as varchar), '') as invoice_id,
        nullif(cast(resource_id as varchar), '') as resource_id,
        cast(sku_id as varchar) as sku_id,
        cast(sku_price_id as varchar) as sku_price_id,
        nullif(cast(commitment_discount_id as varchar), '') as commitment_discount_id,
        cast(region_id as varchar) as region_id,
        cast(billing_period as varchar) as billing_period,
        cast(focus_version as varchar) as focus_version,
        cast(billing_account_name as varchar) as payer_account_name,
        cast(billing_account_type as varchar) as payer_account_type,
        cast(sub_account_name as varchar) as billing_account_name,
        cast(sub_account_type as varchar) as billing_account_type,
        cast(invoice_issuer_name as varchar) as invoice_issuer_name,
        cast(provider_name as varchar) as charge_provider_name,
        cast(publisher_name as varchar) as publisher_name,
        cast(billing_currency as varchar) as currency_code,
        cast(pricing_currency as varchar) as pricing_currency_code,
        lower(cast(charge_category as varchar)) as charge_category,
        cast(charge_class as varchar) as charge_class,
        cast(charge_description as varchar) as description,
        cast(charge_frequency as varchar) as charge_frequency,
        cast(service_name as varchar) as service_name,
        cast(service_category as varchar) as service_category,
        cast(service_subcategory as varchar) as service_subcategory,
        cast(sku_meter as varchar) as sku_meter,
        cast(resource_name as varchar) as resource_name,
        cast(resource_type as varchar) as resource_type,
        cast(region_name as varchar) as region_name,
        cast(pricing_category as varchar) as pricing_category,
        lower(cast(pricing_unit as varchar)) as pricing_unit,
        lower(cast(consumed_unit as varchar)) as consumed_unit,
        cast(commitment_discount_type as varchar) as commitment_discount_type,
        cast(commitment_discount_status as varchar) as commitment_discount_status,
        cast(x_operation as varchar) as operation,
        cast(x_service_code as varchar) as product_code,
        cast(x_usage_type as varchar) as usage_type,
        cast(sku_price_details as map (varchar, varchar)) as sku_price_details,
        cast(tags as map (varchar, varchar)) as tags,
        cast(x_discounts as map (varchar, varchar)) as discounts,
        cast(x_cost_categories as map (varchar, varchar)) as cost_categories,
        cast(billed_cost as decimal(38, 12)) as billed_cost_usd,
        cast(effective_cost as decimal(38, 12)) as effective_cost_usd,
        cast(list_cost as decimal(38, 12)) as list_cost_usd,
        cast(contracted_cost as decimal(38, 12)) as contracted_cost_usd,
        cast(list_unit_price as decimal(38, 12)) as list_price_usd_per_unit,
        cast(contracted_unit_price as decimal(38, 12)) as contracted_price_usd_per_unit,
        cast(consumed_quantity as decimal(38, 12)) as consumed_quantity,
        cast(pricing_quantity as decimal(38, 12)) as pricing_quantity,
        -- In pricing_currency_code, which may be a currency of credits or tokens.
        cast(pricing_currency_list_unit_price as decimal(38, 12)) as pricing_currency_list_unit_price,
        cast(pricing_currency_contracted_unit_price as decimal(38, 12)) as pricing_currency_contracted_unit_price,
        cast(pricing_currency_effective_cost as decimal(38, 12)) as pricing_currency_effective_cost,
        cast(charge_period_start at time zone 'UTC' as date) as usage_date,
        cast(billing_period_start at time zone 'UTC' as timestamp) as billing_period_started_at,
        cast(billing_period_end at time zone 'UTC' as timestamp) as billing_period_ended_at,
        cast(charge_period_start at time zone 'UTC' as timestamp) as usage_started_at,
        cast(charge_period_end at time zone 'UTC' as timestamp) as usage_ended_at
    from charges
),

charges_categorised as (
    select
        *,
        coalesce(charge_class = 'Correction', false) as is_correction,
        coalesce(service_name ilike '%bedrock%', false)
        or coalesce(product_code ilike 'amazonbedrock%', false)
        or coalesce(product_code like 'AWSSupport%' or service_name like 'AWS Support%', false) as is_ai_charge
    from charges_typed
)

select * from charges_categorised
