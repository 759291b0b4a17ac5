{# Grain: one row per usage_date, feature_id, embedder_id and similarity. #}
with

cache_curves as (
    select * from {{ source('analysis', 'cache_curves') }}
),

cache_curves_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(embedder_id as string) as embedder_id,
        cast(similarity as double) as similarity,
        cast(query_count as bigint) as query_count,
        cast(hit_count as bigint) as hit_count,
        cast(right_hit_count as double) as right_hit_count,
        cast(low_right_hit_count as double) as low_right_hit_count,
        cast(high_right_hit_count as double) as high_right_hit_count,
        cast(query_cost_usd as decimal(18, 6)) as query_cost_usd,
        cast(hit_cost_usd as decimal(18, 6)) as hit_cost_usd,
        cast(saved_cost_usd as decimal(18, 6)) as saved_cost_usd,
        cast(low_saved_cost_usd as decimal(18, 6)) as low_saved_cost_usd,
        cast(high_saved_cost_usd as decimal(18, 6)) as high_saved_cost_usd,
        cast(is_calibrated as boolean) as is_calibrated,
        cast(usage_date as date) as usage_date
    from cache_curves
)

select * from cache_curves_typed
