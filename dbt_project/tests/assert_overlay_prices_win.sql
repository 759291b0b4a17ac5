{# Every row of the overlay seed is in the price table, and no catalog price holds beside it. #}
with

overlay as (
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
)

select overlay.*
from overlay
left join prices
    on
        overlay.provider_name = prices.provider_name
        and overlay.model_id = prices.model_id
        and overlay.token_class = prices.token_class
        and overlay.processing = prices.processing
        and (overlay.region_scope = 'any' or overlay.region_scope = prices.region_scope)
        and (overlay.valid_to is null or overlay.valid_to > prices.valid_from)
        and (prices.valid_to is null or overlay.valid_from is null or overlay.valid_from < prices.valid_to)
where
    prices.catalog is null
    or prices.catalog != 'overlay'
    or (
        prices.threshold_tokens = overlay.threshold_tokens
        and prices.price_usd_per_unit != overlay.price_usd_per_unit
    )
