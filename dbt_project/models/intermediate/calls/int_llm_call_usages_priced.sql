{#
    Grain: one row per call_id and token_class that the call used (quantity above 0).

    The price is that of the call's day, region scope (else `any`), processing and request size: past a long-context threshold
    its price holds for all tokens of the request. Without a price the cost is NULL. Exact to 1e-12 USD, rounded once here.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select * from {{ ref('int_llm_calls_resolved') }}
    where {{ is_on_changed_day() }}
),

prices as (
    select * from {{ ref('stg_price_catalog__prices') }}
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

-- Of calls, and not of their usages, which are several times as many.
call_keys as (
    select distinct
        provider_name,
        model_id,
        region_scope,
        processing,
        usage_date
    from calls
),

price_keys as (
    select
        call_keys.*,
        token_classes.token_class
    from call_keys
    cross join token_classes
),

prices_of_keys_ranked as (
    {{ prices_by_scope('price_keys', 'prices') }}
),

prices_of_keys as (
    select
        *,
        {{ to_pico_usd('price_usd_per_unit') }} as price_pico_usd_per_unit,
        lead(threshold_tokens) over (
            partition by provider_name, model_id, token_class, region_scope, processing, usage_date
            order by threshold_tokens
        ) as next_threshold_tokens
    from prices_of_keys_ranked
    where scope_rank = 1
),

prices_in_pico_usd as (
    select
        *,
        -- Of one token; NULL where it is no whole number. To multiply by it is faster than to divide in each row.
        case
            when price_pico_usd_per_unit % unit_quantity = 0
                then {{ whole_quotient('price_pico_usd_per_unit', 'unit_quantity') }}
        end as whole_pico_usd
    from prices_of_keys
),

usages_with_price as (
    select
        usages.*,
        prices_in_pico_usd.catalog as price_catalog,
        prices_in_pico_usd.catalog_version as price_catalog_version,
        prices_in_pico_usd.price_usd_per_unit,
        case
            when prices_in_pico_usd.whole_pico_usd is not null
                then {{ whole_number('usages.quantity') }} * prices_in_pico_usd.whole_pico_usd
            else
                {{ divide_rounded(
                    whole_number('usages.quantity') ~ ' * prices_in_pico_usd.price_pico_usd_per_unit',
                    'prices_in_pico_usd.unit_quantity'
                ) }}
        end as cost_pico_usd
    from usages
    left join prices_in_pico_usd
        on
            usages.provider_name = prices_in_pico_usd.provider_name
            and usages.model_id = prices_in_pico_usd.model_id
            and usages.token_class = prices_in_pico_usd.token_class
            and usages.region_scope = prices_in_pico_usd.region_scope
            and usages.processing = prices_in_pico_usd.processing
            and usages.usage_date = prices_in_pico_usd.usage_date
            and (prices_in_pico_usd.threshold_tokens = 0 or usages.input_tokens > prices_in_pico_usd.threshold_tokens)
            and (
                prices_in_pico_usd.next_threshold_tokens is null
                or coalesce(usages.input_tokens, 0) <= prices_in_pico_usd.next_threshold_tokens
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
        {{ pico_to_usd('cost_pico_usd') }} as estimated_cost_usd,
        feature_reason is null as has_feature,
        usage_date
    from usages_with_price
)

select * from usages_priced
