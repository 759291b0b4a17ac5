{#
    Grain: one row per usage_date, feature_id, embedder_id and similarity; feature_id `total` is all features together.

    The queries that an earlier one within the window could have answered, as a curve. Similarity 1 is the same text, whatever embedder;
    at the others hits are counted by the band that the nearest earlier query lies in, since how many of them are right is known by band.
#}
with

queries as (
    select
        feature_id,
        coalesce(embedder_id, 'none') as embedder_id,
        coalesce(reached_similarity, 0) as reached_similarity,
        coalesce(allocated_cost_usd, 0) as allocated_cost_usd,
        is_repeat,
        is_compared,
        usage_date
    from {{ ref('int_queries_priced') }}
    where is_repeat is not null
),

queries_with_total as (
    select * from queries
    union all
    select
        'total' as feature_id,
        embedder_id,
        reached_similarity,
        allocated_cost_usd,
        is_repeat,
        is_compared,
        usage_date
    from queries
),

similarities as (
    select similarity
    from {{ ref('cache_similarities') }}
),

calibrations as (
    select
        embedder_id,
        similarity,
        cast(pair_count as double) as pair_count,
        {{ ratio('right_count', 'pair_count') }} as precision_ratio
    from {{ ref('cache_calibrations') }}
),

-- By the band: from its similarity up to the next.
bands_counted as (
    select
        feature_id,
        embedder_id,
        reached_similarity,
        is_repeat,
        count(*) as query_count,
        sum(allocated_cost_usd) as cost_usd,
        usage_date
    from queries_with_total
    where is_compared
    group by usage_date, feature_id, embedder_id, reached_similarity, is_repeat
),

-- As decimals, whose sums are the same in any order.
bands_with_precision as (
    select
        bands_counted.*,
        cast(
            case when bands_counted.is_repeat then 1 else calibrations.precision_ratio end as decimal(9, 8)
        ) as precision_ratio,
        cast(
            case
                when bands_counted.is_repeat then 1
                else {{ wilson_bound('low', 'calibrations.precision_ratio', 'calibrations.pair_count') }}
            end as decimal(9, 8)
        ) as low_precision_ratio,
        cast(
            case
                when bands_counted.is_repeat then 1
                else {{ wilson_bound('high', 'calibrations.precision_ratio', 'calibrations.pair_count') }}
            end as decimal(9, 8)
        ) as high_precision_ratio
    from bands_counted
    left join calibrations
        on
            bands_counted.embedder_id = calibrations.embedder_id
            and bands_counted.reached_similarity = calibrations.similarity
),

-- A band once for each similarity that it is a hit at, or not.
bands_at_similarities as (
    select
        bands_with_precision.*,
        similarities.similarity,
        bands_with_precision.is_repeat
        or bands_with_precision.reached_similarity >= similarities.similarity as is_hit
    from bands_with_precision
    cross join similarities
),

hits_at_similarities as (
    select
        feature_id,
        embedder_id,
        similarity,
        sum(query_count) as query_count,
        coalesce(sum(query_count) filter (where is_hit), 0) as hit_count,
        coalesce(sum(cost_usd) filter (where is_hit), 0) as hit_cost_usd,
        {% for end in ['', 'low_', 'high_'] %}
        coalesce(
            sum(cast(query_count as decimal(10, 0)) * {{ end }}precision_ratio) filter (where is_hit), 0
        ) as {{ end }}right_hit_count,
        coalesce(
            sum(cast(cost_usd as decimal(18, 6)) * {{ end }}precision_ratio) filter (where is_hit), 0
        ) as {{ end }}saved_cost_usd,
        {% endfor %}
        -- One band without a calibration, and nobody knows how many of the hits are right.
        coalesce(bool_and(precision_ratio is not null) filter (where is_hit), true) as is_calibrated,
        usage_date
    from bands_at_similarities
    group by usage_date, feature_id, embedder_id, similarity
),

repeats_counted as (
    select
        feature_id,
        'none' as embedder_id,
        cast(1 as double) as similarity,
        count(*) as query_count,
        count(*) filter (where is_repeat) as hit_count,
        coalesce(sum(allocated_cost_usd) filter (where is_repeat), 0) as hit_cost_usd,
        usage_date
    from queries_with_total
    group by usage_date, feature_id
),

cache_hits_counted as (
    select
        feature_id,
        embedder_id,
        similarity,
        cast(query_count as bigint) as query_count,
        cast(hit_count as bigint) as hit_count,
        cast(case when is_calibrated then right_hit_count end as double) as right_hit_count,
        cast(case when is_calibrated then low_right_hit_count end as double) as low_right_hit_count,
        cast(case when is_calibrated then high_right_hit_count end as double) as high_right_hit_count,
        cast(hit_cost_usd as decimal(18, 6)) as hit_cost_usd,
        cast(case when is_calibrated then saved_cost_usd end as decimal(18, 6)) as saved_cost_usd,
        cast(case when is_calibrated then low_saved_cost_usd end as decimal(18, 6)) as low_saved_cost_usd,
        cast(case when is_calibrated then high_saved_cost_usd end as decimal(18, 6)) as high_saved_cost_usd,
        is_calibrated,
        usage_date
    from hits_at_similarities
    union all
    -- The same text is taken for the same question.
    select
        feature_id,
        embedder_id,
        similarity,
        cast(query_count as bigint) as query_count,
        cast(hit_count as bigint) as hit_count,
        cast(hit_count as double) as right_hit_count,
        cast(hit_count as double) as low_right_hit_count,
        cast(hit_count as double) as high_right_hit_count,
        cast(hit_cost_usd as decimal(18, 6)) as hit_cost_usd,
        cast(hit_cost_usd as decimal(18, 6)) as saved_cost_usd,
        cast(hit_cost_usd as decimal(18, 6)) as low_saved_cost_usd,
        cast(hit_cost_usd as decimal(18, 6)) as high_saved_cost_usd,
        true as is_calibrated,
        usage_date
    from repeats_counted
)

select * from cache_hits_counted
