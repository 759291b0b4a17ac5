{#
    Grain: one row per provider_name, model_id, token_class, region_scope, processing, threshold_tokens and valid_from.
#}
with

prices as (
    select * from {{ source('price_catalog', 'prices') }}
),

prices_typed as (
    select
        cast(provider_name as string) as provider_name,
        cast(model_id as string) as model_id,
        cast(token_class as string) as token_class,
        cast(region_scope as string) as region_scope,
        cast(processing as string) as processing,
        cast(price_unit as string) as price_unit,
        cast(catalog as string) as catalog,
        cast(catalog_version as string) as catalog_version,
        cast(threshold_tokens as bigint) as threshold_tokens,
        cast(price_usd_per_unit as decimal(38, 12)) as price_usd_per_unit,
        -- How many of what is counted (tokens, search units) the price is for.
        case when price_unit = '1M tokens' then 1000000 else 1 end as unit_quantity,
        cast(is_inherited as boolean) as is_inherited,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to,
        cast(priced_from as date) as priced_from,
        cast(priced_to as date) as priced_to
    from prices
)

select * from prices_typed
