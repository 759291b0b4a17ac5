{#
    Grain: one row per usage_date, charge_category, provider_name, billing_account_id and model_id.

    The rows of a billed day add up to its bill.
#}
with

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
),

costs_summed as (
    select
        provider_name,
        billing_account_id,
        charge_category,
        model_id,
        {{ summed_costs() }},
        cast(
            coalesce(sum(allocated_cost_usd) filter (where attribution = 'unattributed'), 0) as decimal(18, 6)
        ) as unattributed_cost_usd,
        usage_date
    from allocated_costs
    group by provider_name, billing_account_id, charge_category, model_id, usage_date
)

select * from costs_summed
