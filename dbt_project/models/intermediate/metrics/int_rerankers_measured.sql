{#
    Grain: one row per usage_date, feature_id and metric_name; feature_id `total` is all features together.

    How often a reranker changed its top, and how often a document that an answer cites was in it, before and after.
#}
{%- set dimension = "'top_k=" ~ reranker_top_k() ~ "'" %}
with

compared as (
    select * from {{ ref('int_reranks_compared') }}
),

reranks as (
    select
        feature_id,
        is_changed,
        has_hit_before,
        has_hit_after,
        usage_date
    from compared
    union all
    select
        'total' as feature_id,
        is_changed,
        has_hit_before,
        has_hit_after,
        usage_date
    from compared
),

reranks_summed as (
    select
        feature_id,
        count(*) as rerank_count,
        count(*) filter (where is_changed) as changed_count,
        count(has_hit_before) as judged_count,
        count(*) filter (where has_hit_before) as hit_before_count,
        count(*) filter (where has_hit_after) as hit_after_count,
        usage_date
    from reranks
    group by usage_date, feature_id
),

rerankers_measured as (
    select
        feature_id,
        {{ dimension }} as dimension,
        'reranker_change_ratio' as metric_name,
        cast(changed_count as double) as numerator,
        cast(rerank_count as double) as denominator,
        cast(rerank_count as bigint) as sample_count,
        cast(rerank_count as bigint) as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from reranks_summed
    {% for moment in ['before', 'after'] %}
    union all
    select
        feature_id,
        {{ dimension }} as dimension,
        'reranker_hit_{{ moment }}_ratio' as metric_name,
        cast(hit_{{ moment }}_count as double) as numerator,
        cast(judged_count as double) as denominator,
        cast(judged_count as bigint) as sample_count,
        cast(rerank_count as bigint) as considered_count,
        {{ ratio('rerank_count - judged_count', 'rerank_count') }} as unknown_ratio,
        usage_date
    from reranks_summed
    {% endfor %}
)

select * from rerankers_measured
