{#
    Every row of the overlay seed is in the price table as it is written, and no catalog price holds beside it, on the days that
    are priced by what the seed says now; days that were published before are held to what it said then. A price of one scope may
    stand beside the overlay's own price of `any`: which of them a call takes is decided where calls are priced.
#}
with

overlay_rows as (
    select
        provider_name,
        model_id,
        token_class,
        region_scope,
        processing,
        threshold_tokens,
        price_usd_per_unit,
        valid_from,
        valid_to
    from {{ ref('price_overlay') }}
),

prices as (
    select * from {{ ref('stg_price_catalog__prices') }}
    where priced_to is null
),

current_period as (
    select min(priced_from) as priced_from
    from prices
),

overlay as (
    select
        overlay_rows.provider_name,
        overlay_rows.model_id,
        overlay_rows.token_class,
        overlay_rows.region_scope,
        overlay_rows.processing,
        overlay_rows.threshold_tokens,
        overlay_rows.price_usd_per_unit,
        greatest(overlay_rows.valid_from, current_period.priced_from) as valid_from,
        overlay_rows.valid_to
    from overlay_rows
    cross join current_period
    where overlay_rows.valid_to is null or overlay_rows.valid_to > current_period.priced_from
),

rows_not_there as (
    select
        overlay.provider_name,
        overlay.model_id,
        overlay.token_class,
        overlay.region_scope,
        overlay.price_usd_per_unit
    from overlay
    left join prices
        on
            prices.catalog = 'overlay'
            and overlay.provider_name = prices.provider_name
            and overlay.model_id = prices.model_id
            and overlay.token_class = prices.token_class
            and overlay.region_scope = prices.region_scope
            and overlay.processing = prices.processing
            and overlay.threshold_tokens = prices.threshold_tokens
            and coalesce(overlay.valid_from, prices.valid_from) = prices.valid_from
            and overlay.valid_to is not distinct from prices.valid_to
            and overlay.price_usd_per_unit = prices.price_usd_per_unit
    where prices.catalog is null
),

rows_contradicted as (
    select
        overlay.provider_name,
        overlay.model_id,
        overlay.token_class,
        overlay.region_scope,
        overlay.price_usd_per_unit
    from overlay
    inner join prices
        on
            prices.catalog != 'overlay'
            and overlay.provider_name = prices.provider_name
            and overlay.model_id = prices.model_id
            and overlay.token_class = prices.token_class
            and overlay.region_scope in ('any', prices.region_scope)
            and overlay.processing = prices.processing
            and (overlay.valid_to is null or overlay.valid_to > prices.valid_from)
            and (prices.valid_to is null or overlay.valid_from is null or overlay.valid_from < prices.valid_to)
)

select
    'not there' as problem,
    rows_not_there.*
from rows_not_there
union all
select
    'contradicted' as problem,
    rows_contradicted.*
from rows_contradicted
