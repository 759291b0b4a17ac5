{# Grain: as fct_daily_reconciliations, whose rows of closed periods these are. #}
with

reconciliations as (
    select * from {{ source('closed_periods', 'reconciliations') }}
),

reconciliations_typed as (
    select
        cast(billing_account_id as string) as billing_account_id,
        cast(provider_name as string) as provider_name,
        cast(charge_category as string) as charge_category,
        cast(corrected_charge_category as string) as corrected_charge_category,
        cast(model_id as string) as model_id,
        cast(token_class as string) as token_class,
        cast(region_scope as string) as region_scope,
        cast(processing as string) as processing,
        cast(cell_grain as string) as cell_grain,
        cast(coverage_basis as string) as coverage_basis,
        cast(billed_tokens as bigint) as billed_tokens,
        cast(traced_tokens as bigint) as traced_tokens,
        cast(billed_search_unit_count as bigint) as billed_search_unit_count,
        cast(traced_search_unit_count as bigint) as traced_search_unit_count,
        cast(disagreeing_quantity as bigint) as disagreeing_quantity,
        cast(estimated_cost_usd as decimal(18, 6)) as estimated_cost_usd,
        cast(billed_cost_usd as decimal(18, 6)) as billed_cost_usd,
        cast(allocated_cost_usd as decimal(18, 6)) as allocated_cost_usd,
        cast(unattributed_cost_usd as decimal(18, 6)) as unattributed_cost_usd,
        cast(rounding_cost_usd as decimal(38, 12)) as rounding_cost_usd,
        cast(coverage_pct as double) as coverage_pct,
        cast(error_pct as double) as error_pct,
        cast(is_settled as boolean) as is_settled,
        cast(usage_date as date) as usage_date,
        cast(corrected_month as date) as corrected_month
    from reconciliations
)

select * from reconciliations_typed
