{# Grain: one row per query and feature that answered it: trace_id, span_id and feature_id. #}
with

queries as (
    select * from {{ source('analysis', 'queries') }}
),

queries_typed as (
    select
        cast(trace_id as string) as trace_id,
        cast(span_id as string) as span_id,
        cast(feature_id as string) as feature_id,
        cast(embedder_id as string) as embedder_id,
        cast(evidence as string) as evidence,
        cast(reached_similarity as double) as reached_similarity,
        cast(prompt_block_tokens as bigint) as prompt_block_tokens,
        cast(reusable_5m_tokens as bigint) as reusable_5m_tokens,
        cast(reusable_1h_tokens as bigint) as reusable_1h_tokens,
        cast(reusable_24h_tokens as bigint) as reusable_24h_tokens,
        cast(is_repeat as boolean) as is_repeat,
        cast(is_compared as boolean) as is_compared,
        cast(is_asked_again as boolean) as is_asked_again,
        cast(usage_date as date) as usage_date,
        {{ utc_timestamp('asked_at') }} as asked_at
    from queries
)

select * from queries_typed
