{#
    Grain: one row per line of the newest delivery of each billing period; lines have no stable id of their own.

    Costs are USD. A bill in another currency is converted line by line, at the newest rate of `currency_rates` that holds on the
    day of the usage; a line without one is refused.
#}
with

currency_rates as (
    {{ dated_currency_rates() }}
),

line_items as (
    select
        lines.*,
        currency_rates.usd_per_unit,
        {{ utc_date('lines.line_item_usage_start_date') }} as usage_date
    from {{ source('aws_billing', 'line_items') }} as lines
    left join currency_rates
        on {{ is_rate_of('lines.line_item_currency_code', utc_date('lines.line_item_usage_start_date')) }}
),

line_items_typed as (
    select
        cast(bill_payer_account_id as string) as payer_account_id,
        cast(line_item_usage_account_id as string) as billing_account_id,
        nullif(cast(bill_invoice_id as string), '') as invoice_id,
        nullif(cast(line_item_resource_id as string), '') as resource_id,
        nullif(cast(line_item_iam_principal as string), '') as iam_principal,
        nullif(cast(savings_plan_savings_plan_a_r_n as string), '') as savings_plan_id,
        nullif(cast(reservation_reservation_a_r_n as string), '') as reservation_id,
        nullif(cast(reservation_subscription_id as string), '') as reservation_subscription_id,
        cast(billing_period as string) as billing_period,
        cast(bill_bill_type as string) as bill_type,
        cast(bill_billing_entity as string) as billing_entity,
        cast(bill_invoicing_entity as string) as invoicing_entity,
        cast(line_item_legal_entity as string) as legal_entity,
        cast(line_item_usage_account_name as string) as billing_account_name,
        cast(line_item_product_code as string) as product_code,
        cast(product['product_name'] as string) as product_name,
        cast(line_item_usage_type as string) as usage_type,
        lower(coalesce(cast(line_item_usage_type as string), '')) as usage_type_lower,
        cast(line_item_operation as string) as operation,
        cast(line_item_line_item_type as string) as line_item_type,
        cast(line_item_line_item_description as string) as description,
        cast(line_item_currency_code as string) as currency_code,
        lower(cast(pricing_unit as string)) as pricing_unit,
        nullif(cast(pricing_unit as string), '') as pricing_unit_name,
        cast(pricing_term as string) as pricing_term,
        cast(product_servicecode as string) as service_code,
        cast(product_product_family as string) as product_family,
        cast(savings_plan_offering_type as string) as savings_plan_offering_type,
        {{ text_map('product') }} as product_attributes,
        {{ text_map('discount') }} as discounts,
        {{ text_map('resource_tags') }} as resource_tags,
        {{ text_map('cost_category') }} as cost_categories,
        {{ text_map('tags') }} as tags,
        -- The lake holds exact decimals; every cost below is exact in the currency of the bill.
        cast(line_item_usage_amount as decimal(38, 12)) as usage_amount,
        cast(line_item_unblended_cost as decimal(38, 12)) as billed_cost,
        cast(pricing_public_on_demand_cost as decimal(38, 12)) as list_cost,
        cast(
            coalesce(
                case
                    when line_item_line_item_type in ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') then 0
                    when line_item_line_item_type = 'SavingsPlanCoveredUsage'
                        then savings_plan_savings_plan_effective_cost
                    when line_item_line_item_type = 'SavingsPlanRecurringFee'
                        then savings_plan_total_commitment_to_date - savings_plan_used_commitment
                    when line_item_line_item_type = 'DiscountedUsage' then reservation_effective_cost
                    when line_item_line_item_type = 'RIFee'
                        then
                            reservation_unused_amortized_upfront_fee_for_billing_period
                            + reservation_unused_recurring_fee
                    when line_item_line_item_type = 'Fee' and reservation_reservation_a_r_n != '' then 0
                end,
                line_item_unblended_cost
            ) as decimal(38, 12)
        ) as effective_cost,
        cast(usd_per_unit as decimal(18, 12)) as usd_per_unit,
        {{ billed_in_usd(
            'line_item_unblended_cost',
            'line_item_currency_code',
            says="'The bill of ', billing_period, ' has a line of ', usage_date",
            about="'account ', line_item_usage_account_id, ', ', coalesce(line_item_usage_type, 'no usage type')"
        ) }} as billed_cost_usd,
        {{ in_usd('line_item_net_unblended_cost') }} as net_billed_cost_usd,
        {{ in_usd('pricing_public_on_demand_cost') }} as list_cost_usd,
        {{ in_usd('savings_plan_savings_plan_rate') }} as savings_plan_rate_usd_per_unit,
        {{ in_usd('savings_plan_savings_plan_effective_cost') }} as savings_plan_effective_cost_usd,
        {{ in_usd('savings_plan_total_commitment_to_date') }} as savings_plan_commitment_to_date_cost_usd,
        {{ in_usd('savings_plan_used_commitment') }} as savings_plan_used_commitment_cost_usd,
        {{ in_usd('savings_plan_amortized_upfront_commitment_for_billing_period') }}
            as savings_plan_amortized_upfront_cost_usd,
        {{ in_usd('savings_plan_recurring_commitment_for_billing_period') }}
            as savings_plan_recurring_cost_usd,
        {{ in_usd('reservation_effective_cost') }} as reservation_effective_cost_usd,
        {{ in_usd('reservation_amortized_upfront_cost_for_usage') }}
            as reservation_amortized_upfront_cost_usd,
        {{ in_usd('reservation_recurring_fee_for_usage') }} as reservation_recurring_cost_usd,
        {{ in_usd('reservation_unused_amortized_upfront_fee_for_billing_period') }}
            as reservation_unused_upfront_cost_usd,
        {{ in_usd('reservation_unused_recurring_fee') }} as reservation_unused_recurring_cost_usd,
        usage_date,
        {{ utc_timestamp('line_item_usage_start_date') }} as usage_started_at,
        {{ utc_timestamp('line_item_usage_end_date') }} as usage_ended_at
    from line_items
),

line_items_categorised as (
    select
        *,
        case
            when product_code like 'AWSSupport%' then 'support'
            when line_item_type = 'Credit' then 'credit'
            when line_item_type = 'Refund' then 'refund'
            when line_item_type = 'Tax' then 'tax'
            when line_item_type not in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') then 'other'
            -- vCPU and memory hours of agents, whatever the usage type is called.
            when product_code = 'AmazonBedrockAgentCore' then 'other'
            when {{ bedrock_token_class('usage_type_lower') }} = 'not_tokens' then 'other'
            else 'usage'
        end as charge_category,
        {{ bedrock_token_class('usage_type_lower') }} as token_class,
        {{ bedrock_processing('usage_type_lower') }} as processing,
        {{ bedrock_usage_name('usage_type_lower') }} as usage_name,
        {{ bedrock_resource_model('resource_id') }} as resource_model,
        {{ tokens_per_unit('pricing_unit') }} as tokens_per_unit,
        coalesce(
            product_code in (
                'AmazonBedrock', 'AmazonBedrockService', 'AmazonBedrockFoundationModels', 'AmazonBedrockAgentCore'
            )
            or (billing_entity = 'AWS Marketplace' and product_name ilike '%bedrock%')
            or product_code like 'AWSSupport%',
            false
        ) as is_ai_charge
    from line_items_typed
)

select * from line_items_categorised
