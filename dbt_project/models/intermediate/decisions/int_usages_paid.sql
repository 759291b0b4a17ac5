{#
    Grain: one row per call_id and token_class of known cost, on the days that speak about a decision: what calls used and paid.

    Of all features: what a token cost in a week is seen in whoever used it.
#}
with

days as (
    select distinct usage_date
    from {{ ref('int_decision_days_listed') }}
),

calls as (
    select
        call_id,
        provider_name,
        model_id,
        region_scope,
        processing,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        search_unit_count,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where usage_date in (select days.usage_date from days)
),

costs as (
    select
        call_id,
        token_class,
        sum(allocated_cost_usd) as allocated_cost_usd,
        bool_and(allocated_cost_usd is not null) as is_cost_known
    from {{ ref('int_llm_call_costs_allocated') }}
    where call_date in (select days.usage_date from days)
    group by call_id, token_class
),

usages as (
    select
        calls.call_id,
        calls.provider_name,
        calls.model_id,
        costs.token_class,
        calls.region_scope,
        calls.processing,
        cast(
            case costs.token_class
                when 'uncached_input' then calls.uncached_input_tokens
                when 'cache_read_input' then calls.cache_read_input_tokens
                when 'cache_write_5m_input' then calls.cache_write_5m_input_tokens
                when 'cache_write_1h_input' then calls.cache_write_1h_input_tokens
                when 'output' then calls.output_tokens
                when 'search_unit' then calls.search_unit_count
            end as bigint
        ) as quantity,
        costs.allocated_cost_usd,
        calls.usage_date
    from calls
    inner join costs on calls.call_id = costs.call_id
    where costs.is_cost_known
)

select * from usages
