{#
    Grain: one row per usage_date, charge_category, provider_name, billing_account_id, model_id, token_class, region_scope,
    processing, cell_grain, corrected_month and corrected_charge_category. In every row that has a bill: billed = allocated +
    unattributed, exactly.

    A closed period is what it was when it closed; what the bill says otherwise since is a correction on the first day of the open month.
#}
with

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
    where is_frozen
),

newest_cells as (
    select * from {{ ref('int_daily_cells_reconciled') }}
),

closed_cells as (
    select
        billing_account_id,
        provider_name,
        charge_category,
        corrected_charge_category,
        model_id,
        token_class,
        region_scope,
        processing,
        cell_grain,
        coverage_basis,
        billed_tokens,
        traced_tokens,
        billed_search_unit_count,
        traced_search_unit_count,
        disagreeing_quantity,
        estimated_cost_usd,
        billed_cost_usd,
        allocated_cost_usd,
        unattributed_cost_usd,
        rounding_cost_usd,
        coverage_pct,
        error_pct,
        is_settled,
        usage_date,
        corrected_month
    from {{ ref('stg_closed_periods__reconciliations') }}
),

corrections as (
    select * from {{ ref('int_closed_cells_corrected') }}
),

open_rows as (
    select
        newest_cells.billing_account_id,
        newest_cells.provider_name,
        newest_cells.charge_category,
        cast(null as string) as corrected_charge_category,
        newest_cells.model_id,
        newest_cells.token_class,
        newest_cells.region_scope,
        newest_cells.processing,
        newest_cells.cell_grain,
        newest_cells.coverage_basis,
        newest_cells.billed_tokens,
        newest_cells.traced_tokens,
        newest_cells.billed_search_unit_count,
        newest_cells.traced_search_unit_count,
        newest_cells.disagreeing_quantity,
        newest_cells.estimated_cost_usd,
        newest_cells.billed_cost_usd,
        newest_cells.allocated_cost_usd,
        newest_cells.unattributed_cost_usd,
        newest_cells.rounding_cost_usd,
        newest_cells.coverage_pct,
        newest_cells.error_pct,
        newest_cells.is_settled,
        newest_cells.usage_date,
        cast(null as date) as corrected_month
    from newest_cells
    left join periods
        on
            newest_cells.provider_name = periods.provider_name
            and newest_cells.billing_account_id = periods.billing_account_id
            and newest_cells.usage_date >= periods.usage_month
            and newest_cells.usage_date < periods.end_date
    where periods.usage_month is null
),

correction_rows as (
    select
        billing_account_id,
        provider_name,
        'correction' as charge_category,
        corrected_charge_category,
        model_id,
        'not_applicable' as token_class,
        'not_applicable' as region_scope,
        'not_applicable' as processing,
        'model' as cell_grain,
        cast(null as string) as coverage_basis,
        billed_tokens,
        cast(0 as bigint) as traced_tokens,
        billed_search_unit_count,
        cast(0 as bigint) as traced_search_unit_count,
        cast(0 as bigint) as disagreeing_quantity,
        cast(null as decimal(18, 6)) as estimated_cost_usd,
        billed_cost_usd,
        cast(0 as decimal(18, 6)) as allocated_cost_usd,
        billed_cost_usd as unattributed_cost_usd,
        rounding_cost_usd,
        cast(null as double) as coverage_pct,
        cast(null as double) as error_pct,
        true as is_settled,
        open_month as usage_date,
        corrected_month
    from corrections
),

daily_reconciliations as (
    select * from open_rows
    union all
    select * from correction_rows
    union all
    select * from closed_cells
)

select * from daily_reconciliations
