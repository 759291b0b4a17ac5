{#
    Grain: one row per usage_date, account_id, record_type and the two group keys, where they were grouped by.

    Costs are USD. Those in another currency are converted row by row, at the newest rate of `currency_rates` that holds on the day; a row
    without one is refused.
#}
with

currency_rates as (
    {{ dated_currency_rates() }}
),

daily_costs as (
    select
        costs.*,
        currency_rates.usd_per_unit
    from {{ source('cost_explorer', 'daily_costs') }} as costs
    left join currency_rates on {{ is_rate_of('costs.currency_code', 'costs.usage_date') }}
),

costs_typed as (
    select
        cast(account_id as string) as account_id,
        cast(key_1_name as string) as key_1_name,
        cast(key_1_value as string) as key_1_value,
        cast(key_2_name as string) as key_2_name,
        cast(key_2_value as string) as key_2_value,
        cast(record_type as string) as record_type,
        lower(replace(cast(record_type as string), ' ', '')) as record_type_lower,
        cast(currency_code as string) as currency_code,
        cast(usage_unit as string) as usage_unit,
        cast(object_key as string) as object_key,
        cast(api_call_number as integer) as api_call_number,
        cast(usage_quantity as decimal(38, 12)) as usage_quantity,
        cast(unblended_cost as decimal(38, 12)) as billed_cost,
        cast(amortized_cost as decimal(38, 12)) as amortized_cost,
        {{ billed_in_usd(
            'unblended_cost',
            'currency_code',
            says="'Cost Explorer has a cost of ', usage_date",
            about="'account ', coalesce(account_id, 'not asked for'), ', ', coalesce(record_type, 'no record type'), "
                ~ "coalesce(concat(', ', key_1_value), ''), coalesce(concat(', ', key_2_value), '')"
        ) }} as billed_cost_usd,
        {{ in_usd('amortized_cost', 'currency_code') }} as amortized_cost_usd,
        cast(usd_per_unit as decimal(18, 12)) as usd_per_unit,
        cast(is_estimated as boolean) as is_estimated,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from daily_costs
),

costs_by_name as (
    select
        *,
        coalesce(account_id, {{ cost_explorer_key('LINKED_ACCOUNT') }}) as billing_account_id,
        {{ cost_explorer_key('SERVICE') }} as service_name,
        {{ cost_explorer_key('USAGE_TYPE') }} as usage_type,
        lower(coalesce({{ cost_explorer_key('USAGE_TYPE') }}, '')) as usage_type_lower,
        lower(usage_unit) as usage_unit_lower
    from costs_typed
),

costs_categorised as (
    select
        *,
        case
            when service_name like 'AWS Support%' or record_type_lower in ('support', 'supportfee') then 'support'
            when record_type_lower = 'credit' then 'credit'
            when record_type_lower = 'refund' then 'refund'
            when record_type_lower = 'tax' then 'tax'
            when record_type_lower not in ('usage', 'discountedusage', 'savingsplancoveredusage') then 'other'
            when {{ bedrock_token_class('usage_type_lower') }} = 'not_tokens' then 'other'
            else 'usage'
        end as charge_category,
        {{ bedrock_token_class('usage_type_lower') }} as token_class,
        {{ bedrock_processing('usage_type_lower') }} as processing,
        {{ tokens_per_unit('usage_unit_lower') }} as tokens_per_unit,
        service_name ilike '%bedrock%' or service_name like 'AWS Support%' as is_ai_charge
    from costs_by_name
)

select * from costs_categorised
