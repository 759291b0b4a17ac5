{#
    What the semantic cache's saving is computed from is the published curve: queries, hits, right hits and money of a day, feature, embedder
    and similarity are the same on both sides, to the rounding of a band's cost and precision. The levers look back on some days, and of
    these on every feature.
#}
with

levers as (
    select * from {{ ref('stg_analysis__cache_curves') }}
),

days as (
    select distinct usage_date
    from levers
),

published as (
    select opportunities.*
    from {{ ref('fct_daily_cache_opportunities') }} as opportunities
    inner join days on opportunities.usage_date = days.usage_date
    where opportunities.feature_id != 'total'
),

differences as (
    select
        coalesce(levers.usage_date, published.usage_date) as usage_date,
        coalesce(levers.feature_id, published.feature_id) as feature_id,
        coalesce(levers.embedder_id, published.embedder_id) as embedder_id,
        coalesce(levers.similarity, published.similarity) as similarity,
        levers.hit_count as lever_hit_count,
        published.hit_count,
        levers.saved_cost_usd as lever_saved_cost_usd,
        published.saved_cost_usd
    from levers
    full outer join published
        on
            levers.usage_date = published.usage_date
            and levers.feature_id = published.feature_id
            and levers.embedder_id = published.embedder_id
            and levers.similarity = published.similarity
    where
        levers.feature_id is null
        or published.feature_id is null
        or levers.query_count != published.query_count
        or levers.hit_count != published.hit_count
        or levers.is_calibrated != published.is_calibrated
        {% for column in ['hit_cost_usd', 'saved_cost_usd', 'low_saved_cost_usd', 'high_saved_cost_usd'] %}
        or abs(coalesce(levers.{{ column }}, -1) - coalesce(published.{{ column }}, -1))
        > 0.0001 + published.hit_cost_usd / 1000000
        {% endfor %}
)

select * from differences
