{#
    Grain: one row per usage_date, feature_id, evidence (dimension) and metric_name; feature_id `total` is all features together.

    Of retrieved documents, and of retrievals, the share that an answer drew on: sums over those retrievals of which that is known. What is
    recorded and what is estimated are never in one ratio; of an estimate there are rows where there is one.
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
        evidence,
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
        evidence,
        retrieved_document_count,
        used_document_count,
        usage_date
    from judged
),

evidences as (
    {% for evidence in ['citation', 'overlap_estimate'] %}
    select '{{ evidence }}' as evidence
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- What is recorded is not missing where it would have to be estimated.
retrievals_summed as (
    select
        retrievals.feature_id,
        evidences.evidence,
        count(*) as retrieval_count,
        count(*) filter (where retrievals.evidence = evidences.evidence) as judged_count,
        count(*) filter (
            where retrievals.evidence = evidences.evidence and retrievals.used_document_count > 0
        ) as used_count,
        sum(retrievals.retrieved_document_count) filter (
            where retrievals.evidence = evidences.evidence
        ) as retrieved_document_count,
        sum(retrievals.used_document_count) filter (
            where retrievals.evidence = evidences.evidence
        ) as used_document_count,
        retrievals.usage_date
    from retrievals
    cross join evidences
    where evidences.evidence = 'citation' or retrievals.evidence != 'citation'
    group by retrievals.usage_date, retrievals.feature_id, evidences.evidence
),

retrievals_shown as (
    select * from retrievals_summed
    where evidence = 'citation' or judged_count > 0
),

retrieval_hits_measured as (
    select
        feature_id,
        'evidence=' || evidence as dimension,
        'retrieval_hit_document_ratio' as metric_name,
        cast(used_document_count as double) as numerator,
        cast(retrieved_document_count as double) as denominator,
        cast(judged_count as bigint) as sample_count,
        cast(retrieval_count as bigint) as considered_count,
        {{ ratio('retrieval_count - judged_count', 'retrieval_count') }} as unknown_ratio,
        usage_date
    from retrievals_shown
    union all
    select
        feature_id,
        'evidence=' || evidence as dimension,
        'retrieval_hit_query_ratio' as metric_name,
        cast(used_count as double) as numerator,
        cast(judged_count as double) as denominator,
        cast(judged_count as bigint) as sample_count,
        cast(retrieval_count as bigint) as considered_count,
        {{ ratio('retrieval_count - judged_count', 'retrieval_count') }} as unknown_ratio,
        usage_date
    from retrievals_shown
)

select * from retrieval_hits_measured
