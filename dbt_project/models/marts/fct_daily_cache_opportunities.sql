{#
    Grain: one row per usage_date, feature_id, embedder_id and similarity; feature_id `total` is all features together.

    What a cache of answers would have done on the day: a curve over how alike queries have to be, from the same text (similarity 1) down.
#}
with

hits as (
    select * from {{ ref('int_cache_hits_counted') }}
),

cache_opportunities as (
    select
        feature_id,
        embedder_id,
        similarity,
        query_count,
        hit_count,
        {{ ratio('hit_count', 'query_count') }} as hit_ratio,
        {{ ratio('right_hit_count', 'hit_count') }} as precision_ratio,
        {{ ratio('right_hit_count', 'query_count') }} as right_hit_ratio,
        {{ ratio('low_right_hit_count', 'query_count') }} as low_right_hit_ratio,
        {{ ratio('high_right_hit_count', 'query_count') }} as high_right_hit_ratio,
        hit_cost_usd,
        saved_cost_usd,
        low_saved_cost_usd,
        high_saved_cost_usd,
        is_calibrated,
        usage_date
    from hits
)

select * from cache_opportunities
