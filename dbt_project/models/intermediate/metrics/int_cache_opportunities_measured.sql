{#
    Grain: one row per usage_date, feature_id, dimension and metric_name; feature_id `total` is all features together.

    The share of queries that an earlier one within the window could have answered, and of these as many as would have been right.
#}
with

hits as (
    select
        feature_id,
        case
            when similarity = 1 then 'similarity=exact'
            else 'embedder=' || embedder_id || ' similarity=' || cast(cast(similarity as decimal(3, 2)) as string)
        end as dimension,
        query_count,
        hit_count,
        right_hit_count,
        usage_date
    from {{ ref('int_cache_hits_counted') }}
),

cache_opportunities_measured as (
    select
        feature_id,
        dimension,
        'cache_hit_ratio' as metric_name,
        cast(hit_count as double) as numerator,
        cast(query_count as double) as denominator,
        query_count as sample_count,
        query_count as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from hits
    union all
    select
        feature_id,
        dimension,
        'cache_right_hit_ratio' as metric_name,
        right_hit_count as numerator,
        cast(query_count as double) as denominator,
        query_count as sample_count,
        query_count as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from hits
)

select * from cache_opportunities_measured
