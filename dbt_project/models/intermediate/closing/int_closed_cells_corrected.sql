{#
    Grain: one row per provider_name, billing_account_id, corrected_month, corrected_charge_category and model_id whose bill is read
    otherwise than it stands in the books of a closed period (see int_closed_costs_corrected), what rounding took away included.
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
    select * from {{ ref('stg_closed_periods__reconciliations') }}
),

open_months as (
    select * from {{ ref('int_open_months_chosen') }}
),

newest_of_periods as (
    select
        newest_cells.billing_account_id,
        newest_cells.provider_name,
        newest_cells.charge_category as corrected_charge_category,
        newest_cells.model_id,
        coalesce(newest_cells.billed_tokens, 0) as billed_tokens,
        coalesce(newest_cells.billed_search_unit_count, 0) as billed_search_unit_count,
        coalesce(newest_cells.billed_cost_usd, 0) as billed_cost_usd,
        newest_cells.rounding_cost_usd,
        periods.usage_month as corrected_month
    from newest_cells
    inner join periods
        on
            newest_cells.provider_name = periods.provider_name
            and newest_cells.billing_account_id = periods.billing_account_id
            and newest_cells.usage_date >= periods.usage_month
            and newest_cells.usage_date < periods.end_date
),

standing_turned as (
    select
        billing_account_id,
        provider_name,
        coalesce(corrected_charge_category, charge_category) as corrected_charge_category,
        model_id,
        -coalesce(billed_tokens, 0) as billed_tokens,
        -coalesce(billed_search_unit_count, 0) as billed_search_unit_count,
        -coalesce(billed_cost_usd, 0) as billed_cost_usd,
        -rounding_cost_usd as rounding_cost_usd,
        coalesce(corrected_month, cast(date_trunc('month', usage_date) as date)) as corrected_month
    from closed_cells
),

newest_beside_standing as (
    select * from newest_of_periods
    union all
    select * from standing_turned
),

differences as (
    select
        billing_account_id,
        provider_name,
        corrected_charge_category,
        model_id,
        cast(sum(billed_tokens) as bigint) as billed_tokens,
        cast(sum(billed_search_unit_count) as bigint) as billed_search_unit_count,
        cast(sum(billed_cost_usd) as decimal(18, 6)) as billed_cost_usd,
        cast(sum(rounding_cost_usd) as decimal(38, 12)) as rounding_cost_usd,
        corrected_month
    from newest_beside_standing
    group by provider_name, billing_account_id, corrected_month, corrected_charge_category, model_id
),

cells_corrected as (
    select
        differences.*,
        open_months.open_month
    from differences
    inner join open_months
        on
            differences.provider_name = open_months.provider_name
            and differences.billing_account_id = open_months.billing_account_id
    where
        differences.billed_cost_usd != 0
        or differences.rounding_cost_usd != 0
        or differences.billed_tokens != 0
        or differences.billed_search_unit_count != 0
)

select * from cells_corrected
