{#
    Grain: one row per x_RowId: a charge of the bill (one day, invoice, SKU, description, resource and tags) and who pays a part of it.

    FOCUS 1.2, in the names and the order of the specification; what is ours comes after it, as x_ columns. Only what is on a bill is
    here: an estimate is no charge. Amounts are in BillingCurrency to the 12th place, and add up to the bill exactly; against the other
    marts there is the rounding of a cell to micro-dollars (rounding_cost_usd of fct_daily_reconciliations). It is the bill as it reads
    now: in a closed month that stands as it was, the other marts have what changed as corrections of a later month.
#}
-- noqa: disable=capitalisation.identifiers
with

charges as (
    select * from {{ ref('int_billed_charges_divided') }}
),

account_names as (
    select
        billing_account_id,
        max(billing_account_name) as billing_account_name
    from charges
    group by billing_account_id
),

aws_regions as (
    select
        region_id,
        region_name
    from {{ ref('aws_regions') }}
),

charges_categorised as (
    select
        *,
        case
            when line_item_type in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') then 'Usage'
            when line_item_type in ('Fee', 'RIFee', 'SavingsPlanUpfrontFee', 'SavingsPlanRecurringFee') then 'Purchase'
            when line_item_type = 'Tax' then 'Tax'
            when line_item_type = 'Credit' then 'Credit'
            -- Refunds, discounts in lines of their own, negations, and whatever AWS adds.
            else 'Adjustment'
        end as focus_category,
        cast(billing_period || '-01' as timestamp) as billing_period_started_at,
        coalesce(payer_account_id, billing_account_id) as invoiced_account_id,
        -- AWS for what is on its bill, the organization's own provider for what is on its.
        case
            when provider_name = 'aws.bedrock' then 'AWS' else coalesce(billing_entity, provider_name)
        end as seller_name,
        coalesce(product_code like 'AWSSupport%', false) as is_support
    from charges
),

charges_priced as (
    select
        *,
        focus_category in ('Usage', 'Purchase') as is_priced_charge,
        -- A price is for a quantity, and not negative.
        case
            when has_list_cost and charge_list_cost * {{ sign_of('charge_usage_amount') }} >= 0
                then {{ unit_price('charge_list_cost', 'charge_usage_amount') }}
        end as list_unit_price,
        case
            when charge_billed_cost * {{ sign_of('charge_usage_amount') }} >= 0
                then {{ unit_price('charge_billed_cost', 'charge_usage_amount') }}
        end as contracted_unit_price,
        case
            when tokens_per_unit = 1 then 'Tokens'
            when tokens_per_unit is not null and token_class not in ('search_unit', 'not_applicable')
                then tokens_per_unit || ' Tokens'
            when token_class = 'search_unit' then 'Search Units'
            else pricing_unit_name
        end as pricing_unit
    from charges_categorised
),

focus_costs as (
    select
        charges.billed_cost as BilledCost,
        charges.invoiced_account_id as BillingAccountId,
        account_names.billing_account_name as BillingAccountName,
        charges.currency_code as BillingCurrency,
        charges.billing_period_started_at + interval 1 month as BillingPeriodEnd,
        charges.billing_period_started_at as BillingPeriodStart,
        charges.focus_category as ChargeCategory,
        case
            when charges.line_item_type = 'Refund' or charges.charge_started_at < charges.billing_period_started_at
                then 'Correction'
        end as ChargeClass,
        nullif(charges.description, '') as ChargeDescription,
        case
            when charges.focus_category = 'Usage' then 'Usage-Based'
            when charges.line_item_type in ('RIFee', 'SavingsPlanRecurringFee') or charges.is_support then 'Recurring'
            else 'One-Time'
        end as ChargeFrequency,
        charges.charge_ended_at as ChargePeriodEnd,
        charges.charge_started_at as ChargePeriodStart,
        case
            when charges.commitment_id is not null then if(charges.is_savings_plan, 'Spend', 'Usage')
        end as CommitmentDiscountCategory,
        charges.commitment_id as CommitmentDiscountId,
        cast(null as string) as CommitmentDiscountName,
        cast(null as decimal(38, 12)) as CommitmentDiscountQuantity,
        case
            when charges.commitment_id is not null and charges.focus_category = 'Usage' then 'Used'
        end as CommitmentDiscountStatus,
        case
            when charges.commitment_id is not null then if(charges.is_savings_plan, 'Savings Plan', 'Reservation')
        end as CommitmentDiscountType,
        cast(null as string) as CommitmentDiscountUnit,
        case
            when charges.focus_category = 'Usage'
                then
                    cast(
                        coalesce(charges.billed_tokens, charges.billed_search_unit_count, charges.usage_amount)
                        as decimal(38, 12)
                    )
        end as ConsumedQuantity,
        case
            when charges.focus_category != 'Usage' then null
            when charges.billed_tokens is not null then 'Tokens'
            when charges.billed_search_unit_count is not null then 'Search Units'
            when charges.usage_amount is not null then charges.pricing_unit_name
        end as ConsumedUnit,
        charges.billed_cost as ContractedCost,
        case when charges.is_priced_charge then charges.contracted_unit_price end as ContractedUnitPrice,
        charges.effective_cost as EffectiveCost,
        charges.invoice_id as InvoiceId,
        -- One company under one name: the specification takes an issuer that is not the provider for another company.
        case
            when
                charges.seller_name = 'AWS'
                and charges.billing_entity in ('AWS', 'AWS Marketplace')
                and {{ is_match("coalesce(charges.invoicing_entity, 'AWS')", "'^(AWS|Amazon)'") }}
                then 'AWS'
            else coalesce(charges.invoicing_entity, charges.billing_entity, charges.seller_name)
        end as InvoiceIssuerName,
        charges.list_cost as ListCost,
        case when charges.is_priced_charge then charges.list_unit_price end as ListUnitPrice,
        case
            when not charges.is_priced_charge then null
            when charges.line_item_type in ('DiscountedUsage', 'SavingsPlanCoveredUsage') then 'Committed'
            else 'Standard'
        end as PricingCategory,
        -- The bill shows all its amounts in one currency, prices too.
        charges.currency_code as PricingCurrency,
        case when charges.is_priced_charge then charges.contracted_unit_price end as PricingCurrencyContractedUnitPrice,
        charges.effective_cost as PricingCurrencyEffectiveCost,
        case when charges.is_priced_charge then charges.list_unit_price end as PricingCurrencyListUnitPrice,
        case when charges.is_priced_charge then charges.usage_amount end as PricingQuantity,
        case
            when charges.is_priced_charge and charges.usage_amount is not null then charges.pricing_unit
        end as PricingUnit,
        charges.seller_name as ProviderName,
        case
            when charges.billing_entity = 'AWS' then 'AWS'
            else coalesce(nullif(charges.legal_entity, ''), charges.billing_entity, charges.seller_name)
        end as PublisherName,
        charges.region_id as RegionId,
        aws_regions.region_name as RegionName,
        charges.resource_id as ResourceId,
        cast(null as string) as ResourceName,
        nullif(
            regexp_extract(charges.resource_id, '^arn:[^:]*:[^:]*:[^:]*:[^:]*:([^/:]+)', 1), ''
        ) as ResourceType,
        if(charges.is_support, 'Management and Governance', 'AI and Machine Learning') as ServiceCategory,
        charges.product_name as ServiceName,
        if(charges.is_support, 'Support', 'Generative AI') as ServiceSubcategory,
        case
            when charges.is_priced_charge
                then coalesce(charges.sku_id, charges.product_code || '/' || charges.usage_type)
        end as SkuId,
        case when charges.is_priced_charge then charges.usage_type end as SkuMeter,
        cast(null as string) as SkuPriceDetails,
        case
            when charges.is_priced_charge
                then coalesce(charges.sku_id, charges.product_code || '/' || charges.usage_type)
        end as SkuPriceId,
        charges.billing_account_id as SubAccountId,
        charges.billing_account_name as SubAccountName,
        nullif(charges.tags_json, '{}') as Tags,
        charges.attribution as x_Attribution,
        charges.billed_cost_usd as x_BilledCostUsd,
        charges.usage_date as x_BilledDate,
        charges.charge_category as x_ChargeKind,
        charges.cost_status as x_CostStatus,
        charges.feature_id as x_FeatureId,
        charges.invoicing_entity as x_InvoicingEntity,
        charges.model_id as x_ModelId,
        charges.model_tier as x_ModelTier,
        charges.pipeline_id as x_PipelineId,
        charges.processing as x_Processing,
        charges.provider_name as x_ProviderId,
        charges.region_scope as x_RegionScope,
        {{ texts_digest([
            'charges.charge_id', 'charges.feature_id', 'charges.pipeline_id', 'charges.service_name', 'charges.task_type',
            'charges.model_tier', 'charges.attribution', 'charges.unattributed_reason'
        ]) }} as x_RowId,
        charges.service_name as x_ServiceName,
        charges.task_type as x_TaskType,
        charges.token_class as x_TokenClass,
        charges.billed_tokens as x_Tokens,
        charges.unattributed_reason as x_UnattributedReason
    from charges_priced as charges
    left join account_names on charges.invoiced_account_id = account_names.billing_account_id
    left join aws_regions on charges.region_id = aws_regions.region_id
)

select * from focus_costs
