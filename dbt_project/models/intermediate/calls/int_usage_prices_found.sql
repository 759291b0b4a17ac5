{#
    Grain: one row per provider_name, model_id, region_scope and processing of a day's calls, usage_date, token_class and
    threshold_tokens: what a unit cost them, from a size of the request on.

    The price is that of the day, region scope (else `any`) and processing; what has no price has no row.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select distinct
        provider_name,
        model_id,
        region_scope,
        processing,
        usage_date
    from {{ ref('int_llm_calls_resolved') }}
    where {{ is_on_changed_day() }}
),

prices as (
    select * from {{ ref('stg_price_catalog__prices') }}
),

token_classes as (
    select distinct token_class from prices
),

calls_by_token_class as (
    select
        calls.*,
        token_classes.token_class
    from calls
    cross join token_classes
),

prices_ranked as (
    {{ prices_by_scope('calls_by_token_class', 'prices') }}
),

prices_of_calls as (
    select
        *,
        {{ to_pico_usd('price_usd_per_unit') }} as price_pico_usd_per_unit,
        lead(threshold_tokens) over (
            partition by provider_name, model_id, token_class, region_scope, processing, usage_date
            order by threshold_tokens
        ) as next_threshold_tokens
    from prices_ranked
    where scope_rank = 1
),

usage_prices_found as (
    select
        provider_name,
        model_id,
        token_class,
        region_scope,
        processing,
        catalog as price_catalog,
        catalog_version as price_catalog_version,
        price_usd_per_unit,
        price_pico_usd_per_unit,
        -- Of one token; NULL where it is no whole number. To multiply by it is faster than to divide for each call.
        case
            when price_pico_usd_per_unit % unit_quantity = 0
                then {{ whole_quotient('price_pico_usd_per_unit', 'unit_quantity') }}
        end as price_pico_usd,
        unit_quantity,
        threshold_tokens,
        next_threshold_tokens,
        usage_date
    from prices_of_calls
)

select * from usage_prices_found
