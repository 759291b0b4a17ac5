{#
    Grain: one row per usage_date, feature_id and metric_name; feature_id `total` is all features together.

    Of retrieved documents, and of retrievals, the share that an answer drew on: sums over those retrievals of which that is known.
#}
with

judged as (
    select * from {{ ref('int_retrievals_judged') }}
),

retrievals as (
    select
        trace_id,
        span_id,
        feature_id,
        retrieved_document_count,
        used_document_count,
        usage_date
    from judged
    union all
    -- Once, also where two features answered from it.
    select distinct
        trace_id,
        span_id,
        'total' as feature_id,
        retrieved_document_count,
        used_document_count,
        usage_date
    from judged
),

retrievals_summed as (
    select
        feature_id,
        count(*) as retrieval_count,
        count(used_document_count) as judged_count,
        count(*) filter (where used_document_count > 0) as used_count,
        sum(retrieved_document_count) filter (where used_document_count is not null) as retrieved_document_count,
        sum(used_document_count) as used_document_count,
        usage_date
    from retrievals
    group by usage_date, feature_id
),

retrieval_hits_measured as (
    select
        feature_id,
        'evidence=citation' as dimension,
        'retrieval_hit_document_ratio' as metric_name,
        cast(used_document_count as double) as numerator,
        cast(retrieved_document_count as double) as denominator,
        cast(judged_count as bigint) as sample_count,
        cast(retrieval_count as bigint) as considered_count,
        {{ ratio('retrieval_count - judged_count', 'retrieval_count') }} as unknown_ratio,
        usage_date
    from retrievals_summed
    union all
    select
        feature_id,
        'evidence=citation' as dimension,
        'retrieval_hit_query_ratio' as metric_name,
        cast(used_count as double) as numerator,
        cast(judged_count as double) as denominator,
        cast(judged_count as bigint) as sample_count,
        cast(retrieval_count as bigint) as considered_count,
        {{ ratio('retrieval_count - judged_count', 'retrieval_count') }} as unknown_ratio,
        usage_date
    from retrievals_summed
)

select * from retrieval_hits_measured
