{#
    Grain: one row per usage_date and feature_id; feature_id `total` is all features together.

    Share of input tokens that a provider's prompt cache served, over generating calls that say both.
#}
with

calls as (
    select
        feature_id,
        cache_read_input_tokens,
        input_tokens,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where is_generating and input_tokens is not null
),

calls_summed as (
    select
        feature_id,
        sum(coalesce(cache_read_input_tokens, 0)) as cache_read_input_tokens,
        sum(input_tokens) as input_tokens,
        count(*) as call_count,
        usage_date
    from calls
    group by usage_date, feature_id
),

calls_with_total as (
    select * from calls_summed
    union all
    select
        'total' as feature_id,
        cache_read_input_tokens,
        input_tokens,
        call_count,
        usage_date
    from calls_summed
),

prompt_caches_measured as (
    select
        feature_id,
        'all' as dimension,
        'prompt_cache_read_ratio' as metric_name,
        cast(sum(cache_read_input_tokens) as double) as numerator,
        cast(sum(input_tokens) as double) as denominator,
        cast(sum(call_count) as bigint) as sample_count,
        cast(sum(call_count) as bigint) as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from calls_with_total
    group by usage_date, feature_id
)

select * from prompt_caches_measured
