{#
    Grain: one row per call_id and token_class that the call used (quantity above 0).

    The price is that of the call's day, region scope, processing and request size (int_usage_prices_found): past a long-context
    threshold its price holds for all tokens of the request. Without a price the cost is NULL. Exact to 1e-12 USD, rounded once here.

    A view: its rows are several times as many as calls, and to write them takes longer than to price them again.
#}
{{ config(materialized='view') }}
with

calls as (
    select * from {{ ref('int_llm_calls_resolved') }}
),

prices as (
    select * from {{ ref('int_usage_prices_found') }}
),

token_classes as (
    {% for token_class in [
        'uncached_input', 'cache_read_input', 'cache_write_5m_input', 'cache_write_1h_input', 'output', 'search_unit'
    ] %}
    select '{{ token_class }}' as token_class
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

quantities as (
    select
        calls.*,
        token_classes.token_class,
        case token_classes.token_class
            when 'uncached_input' then calls.uncached_input_tokens
            when 'cache_read_input' then calls.cache_read_input_tokens
            when 'cache_write_5m_input' then calls.cache_write_5m_input_tokens
            when 'cache_write_1h_input' then calls.cache_write_1h_input_tokens
            when 'output' then calls.output_tokens
            when 'search_unit' then calls.search_unit_count
        end as quantity
    from calls
    cross join token_classes
),

usages as (
    select * from quantities
    -- A rerank is billed by the search, whatever tokens its span tells of as well.
    where quantity > 0 and (operation_name is distinct from 'rerank' or token_class = 'search_unit')
),

usages_with_price as (
    select
        usages.*,
        prices.price_catalog,
        prices.price_catalog_version,
        prices.price_usd_per_unit,
        case
            when prices.price_pico_usd is not null
                then {{ whole_number('usages.quantity') }} * prices.price_pico_usd
            else
                {{ divide_rounded(
                    whole_number('usages.quantity') ~ ' * prices.price_pico_usd_per_unit',
                    'prices.unit_quantity'
                ) }}
        end as estimated_pico_usd
    from usages
    left join prices
        on
            usages.provider_name = prices.provider_name
            and usages.model_id = prices.model_id
            and usages.token_class = prices.token_class
            and usages.region_scope = prices.region_scope
            and usages.processing = prices.processing
            and usages.usage_date = prices.usage_date
            and (prices.threshold_tokens = 0 or usages.input_tokens > prices.threshold_tokens)
            and (
                prices.next_threshold_tokens is null
                or coalesce(usages.input_tokens, 0) <= prices.next_threshold_tokens
            )
),

usages_priced as (
    select
        call_id,
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        model_id,
        model_tier,
        token_class,
        region_scope,
        processing,
        price_catalog,
        price_catalog_version,
        quantity,
        price_usd_per_unit,
        estimated_pico_usd,
        {{ pico_to_usd('estimated_pico_usd') }} as estimated_cost_usd,
        feature_reason is null as has_feature,
        usage_date
    from usages_with_price
)

select * from usages_priced
