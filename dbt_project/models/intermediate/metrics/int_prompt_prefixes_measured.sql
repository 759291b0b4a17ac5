{#
    Grain: one row per usage_date, feature_id and dimension; feature_id `total` is all features together.

    Share of the tokens in whole blocks of prompts that an earlier prompt of the model began with, by how long a provider keeps them.
#}
with

prompts as (
    select
        feature_id,
        prompt_block_tokens,
        reusable_5m_tokens,
        reusable_1h_tokens,
        reusable_24h_tokens,
        usage_date
    from {{ ref('int_queries_priced') }}
    where prompt_block_tokens is not null
),

prompts_with_total as (
    select * from prompts
    union all
    select
        'total' as feature_id,
        prompt_block_tokens,
        reusable_5m_tokens,
        reusable_1h_tokens,
        reusable_24h_tokens,
        usage_date
    from prompts
),

prompt_prefixes_measured as (
    {% for lifetime in ['5m', '1h', '24h'] %}
    select
        feature_id,
        'lifetime={{ lifetime }}' as dimension,
        'prompt_prefix_ratio' as metric_name,
        cast(sum(reusable_{{ lifetime }}_tokens) as double) as numerator,
        cast(sum(prompt_block_tokens) as double) as denominator,
        cast(count(*) as bigint) as sample_count,
        cast(count(*) as bigint) as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from prompts_with_total
    group by usage_date, feature_id
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from prompt_prefixes_measured
