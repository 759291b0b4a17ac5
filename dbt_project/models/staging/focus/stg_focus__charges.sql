{#
    Grain: one row per charge of the newest delivery of each billing period; charges have no id of their own.

    Costs are USD. A bill in another currency is converted charge by charge, at the newest rate of `currency_rates` that holds on the
    day of the usage; a charge without one is refused.
#}
with

currency_rates as (
    {{ dated_currency_rates() }}
),

charges as (
    select
        charges.*,
        currency_rates.usd_per_unit,
        {{ utc_date('charges.charge_period_start') }} as usage_date
    from {{ source('focus', 'charges') }} as charges
    left join currency_rates
        on {{ is_rate_of('charges.billing_currency', utc_date('charges.charge_period_start')) }}
),

charges_typed as (
    select
        cast(billing_account_id as string) as payer_account_id,
        cast(sub_account_id as string) as billing_account_id,
        nullif(cast(invoice_id as string), '') as invoice_id,
        nullif(cast(resource_id as string), '') as resource_id,
        cast(sku_id as string) as sku_id,
        cast(sku_price_id as string) as sku_price_id,
        nullif(cast(commitment_discount_id as string), '') as commitment_discount_id,
        cast(region_id as string) as region_id,
        cast(billing_period as string) as billing_period,
        cast(focus_version as string) as focus_version,
        cast(billing_account_name as string) as payer_account_name,
        cast(billing_account_type as string) as payer_account_type,
        cast(sub_account_name as string) as billing_account_name,
        cast(sub_account_type as string) as billing_account_type,
        cast(invoice_issuer_name as string) as invoice_issuer_name,
        cast(provider_name as string) as charge_provider_name,
        cast(publisher_name as string) as publisher_name,
        cast(billing_currency as string) as currency_code,
        cast(pricing_currency as string) as pricing_currency_code,
        lower(cast(charge_category as string)) as charge_category,
        cast(charge_class as string) as charge_class,
        cast(charge_description as string) as description,
        cast(charge_frequency as string) as charge_frequency,
        cast(service_name as string) as service_name,
        cast(service_category as string) as service_category,
        cast(service_subcategory as string) as service_subcategory,
        cast(sku_meter as string) as sku_meter,
        cast(resource_name as string) as resource_name,
        cast(resource_type as string) as resource_type,
        cast(region_name as string) as region_name,
        cast(pricing_category as string) as pricing_category,
        lower(cast(pricing_unit as string)) as pricing_unit,
        lower(cast(consumed_unit as string)) as consumed_unit,
        cast(commitment_discount_type as string) as commitment_discount_type,
        cast(commitment_discount_status as string) as commitment_discount_status,
        cast(x_operation as string) as operation,
        cast(x_service_code as string) as product_code,
        cast(x_usage_type as string) as usage_type,
        {{ text_map('sku_price_details') }} as sku_price_details,
        {{ text_map('tags') }} as tags,
        {{ text_map('x_discounts') }} as discounts,
        {{ text_map('x_cost_categories') }} as cost_categories,
        -- The lake holds exact decimals; every cost below is exact in the currency of the bill.
        cast(billed_cost as decimal(38, 12)) as billed_cost,
        cast(effective_cost as decimal(38, 12)) as effective_cost,
        cast(list_cost as decimal(38, 12)) as list_cost,
        {{ billed_in_usd(
            'billed_cost',
            'billing_currency',
            says="'The FOCUS bill of ', billing_period, ' has a charge of ', usage_date",
            about="'account ', coalesce(sub_account_id, billing_account_id, 'unknown'), ', ', "
                ~ "coalesce(x_usage_type, charge_description, service_name, 'not described')"
        ) }} as billed_cost_usd,
        {{ in_usd('effective_cost', 'billing_currency') }} as effective_cost_usd,
        {{ in_usd('list_cost', 'billing_currency') }} as list_cost_usd,
        {{ in_usd('contracted_cost', 'billing_currency') }} as contracted_cost_usd,
        {{ in_usd('list_unit_price', 'billing_currency') }} as list_price_usd_per_unit,
        {{ in_usd('contracted_unit_price', 'billing_currency') }} as contracted_price_usd_per_unit,
        cast(usd_per_unit as decimal(18, 12)) as usd_per_unit,
        cast(consumed_quantity as decimal(38, 12)) as consumed_quantity,
        cast(pricing_quantity as decimal(38, 12)) as pricing_quantity,
        -- In pricing_currency_code, which may be a currency of credits or tokens.
        cast(pricing_currency_list_unit_price as decimal(38, 12)) as pricing_currency_list_unit_price,
        cast(pricing_currency_contracted_unit_price as decimal(38, 12)) as pricing_currency_contracted_unit_price,
        cast(pricing_currency_effective_cost as decimal(38, 12)) as pricing_currency_effective_cost,
        usage_date,
        {{ utc_timestamp('billing_period_start') }} as billing_period_started_at,
        {{ utc_timestamp('billing_period_end') }} as billing_period_ended_at,
        {{ utc_timestamp('charge_period_start') }} as usage_started_at,
        {{ utc_timestamp('charge_period_end') }} as usage_ended_at
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
