{#
    Grain: one row per usage_date, provider_name, billing_account_id, model_id, token_class, region_scope and processing of which the
    bill's own rate (billed ÷ quantity) and the price table do not agree, or for which the table has no price.

    Where long requests have a price of their own, any rate between the two agrees: the bill does not say how long requests were.
    A difference of a micro-dollar is rounding and no price.
#}
with

cells as (
    select
        billing_account_id,
        provider_name,
        model_id,
        token_class,
        region_scope,
        processing,
        case
            when token_class = 'search_unit' then billed_search_unit_count
            else billed_tokens
        end as billed_quantity,
        billed_cost_usd,
        usage_date
    from {{ ref('fct_daily_reconciliations') }}
    where charge_category = 'usage' and billed_cost_usd is not null
),

prices as (
    select * from {{ ref('stg_price_catalog__prices') }}
),

bounds as (
    select bound as largest_price_difference_ratio
    from {{ ref('reporting_bounds') }}
    where bound_name = 'largest_price_difference_ratio'
),

cells_measured as (
    select * from cells
    where billed_quantity > 0
),

prices_of_cells_ranked as (
    {{ prices_by_scope('cells_measured', 'prices') }}
),

prices_of_cells as (
    select
        billing_account_id,
        provider_name,
        model_id,
        token_class,
        region_scope,
        processing,
        min_by(catalog, threshold_tokens) as price_catalog,
        min_by(catalog_version, threshold_tokens) as price_catalog_version,
        min_by(price_usd_per_unit, threshold_tokens) as price_usd_per_unit,
        min(price_usd_per_unit) as lowest_price_usd_per_unit,
        max(price_usd_per_unit) as highest_price_usd_per_unit,
        any_value(unit_quantity) as unit_quantity,
        usage_date
    from prices_of_cells_ranked
    where scope_rank = 1
    group by billing_account_id, provider_name, model_id, token_class, region_scope, processing, usage_date
),

rates as (
    select
        cells_measured.*,
        prices_of_cells.price_catalog,
        prices_of_cells.price_catalog_version,
        prices_of_cells.price_usd_per_unit,
        prices_of_cells.lowest_price_usd_per_unit,
        prices_of_cells.highest_price_usd_per_unit,
        coalesce(
            prices_of_cells.unit_quantity, case when cells_measured.token_class = 'search_unit' then 1 else 1000000 end
        ) as unit_quantity
    from cells_measured
    left join prices_of_cells
        on
            cells_measured.billing_account_id = prices_of_cells.billing_account_id
            and cells_measured.provider_name = prices_of_cells.provider_name
            and cells_measured.model_id = prices_of_cells.model_id
            and cells_measured.token_class = prices_of_cells.token_class
            and cells_measured.region_scope = prices_of_cells.region_scope
            and cells_measured.processing = prices_of_cells.processing
            and cells_measured.usage_date = prices_of_cells.usage_date
),

rates_computed as (
    select
        *,
        {{ pico_to_usd(divide_rounded(to_pico_usd('billed_cost_usd') ~ ' * unit_quantity', 'billed_quantity')) }}
            as billed_usd_per_unit
    from rates
),

rates_compared as (
    select
        *,
        -- The price that the rate is nearest to: itself where it lies between the two.
        case
            when price_usd_per_unit is not null
                then least(greatest(billed_usd_per_unit, lowest_price_usd_per_unit), highest_price_usd_per_unit)
        end as nearest_price_usd_per_unit
    from rates_computed
),

costs_compared as (
    select
        *,
        {{ pico_to_usd(divide_rounded(
            to_pico_usd('nearest_price_usd_per_unit') ~ ' * billed_quantity', 'unit_quantity'
        )) }} as listed_cost_usd,
        {{ ratio('billed_usd_per_unit - nearest_price_usd_per_unit', 'nearest_price_usd_per_unit') }}
            as difference_ratio
    from rates_compared
),

price_differences as (
    select
        costs_compared.billing_account_id,
        costs_compared.provider_name,
        costs_compared.model_id,
        costs_compared.token_class,
        costs_compared.region_scope,
        costs_compared.processing,
        costs_compared.price_catalog,
        costs_compared.price_catalog_version,
        case when costs_compared.price_usd_per_unit is null then 'no_price' else 'other_price' end as reason,
        cast(costs_compared.billed_quantity as bigint) as billed_quantity,
        cast(costs_compared.unit_quantity as bigint) as unit_quantity,
        costs_compared.billed_cost_usd,
        cast(costs_compared.billed_cost_usd - costs_compared.listed_cost_usd as decimal(18, 6))
            as difference_cost_usd,
        costs_compared.billed_usd_per_unit,
        costs_compared.price_usd_per_unit,
        costs_compared.difference_ratio,
        costs_compared.usage_date
    from costs_compared
    cross join bounds
    where
        costs_compared.price_usd_per_unit is null
        or (
            abs(costs_compared.difference_ratio) > bounds.largest_price_difference_ratio
            and abs(costs_compared.billed_cost_usd - costs_compared.listed_cost_usd) > 0.000001
        )
)

select * from price_differences
