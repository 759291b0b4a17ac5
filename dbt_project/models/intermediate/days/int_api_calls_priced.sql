{# Grain: one row per source, landing_date, service_name, operation_name and region_id: what the calls cost, NULL
   without a price. #}
with

api_calls as (
    select * from {{ ref('stg_lake__api_calls') }}
),

api_prices as (
    select
        service_name,
        operation_name,
        region_id,
        price_unit,
        price_usd_per_unit,
        valid_from,
        valid_to
    from {{ ref('api_prices') }}
),

api_calls_priced as (
    select
        api_calls.source,
        api_calls.service_name,
        api_calls.operation_name,
        api_calls.region_id,
        api_calls.call_count,
        api_calls.item_count,
        {# Digits enough for a tenth of a micro-dollar, and room for a product. #}
        cast(
            cast(
                case when api_prices.price_unit = 'metric' then api_calls.item_count else api_calls.call_count end
                as decimal(18, 0)
            )
            * cast(api_prices.price_usd_per_unit as decimal(18, 12)) as decimal(38, 12)
        ) as api_cost_usd,
        api_calls.landing_date
    from api_calls
    left join
        api_prices
        on
            api_calls.service_name = api_prices.service_name
            and api_calls.operation_name = api_prices.operation_name
            and api_prices.region_id in (api_calls.region_id, 'any')
            and api_calls.landing_date >= coalesce(api_prices.valid_from, api_calls.landing_date)
            and coalesce(api_calls.landing_date < api_prices.valid_to, true)
)

select * from api_calls_priced
