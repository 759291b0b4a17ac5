{#
    Grain: one row per retrieval and feature whose calls answered in its trace; trace_id, span_id and feature_id.

    Of a retrieval with an estimate the documents count that have one. Where nothing is known of any document, evidence is `none` and
    used_document_count NULL.
#}
with

documents as (
    select * from {{ ref('int_documents_judged') }}
),

answers as (
    select distinct
        trace_id,
        feature_id
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

documents_summed as (
    select
        trace_id,
        span_id,
        coalesce(min(evidence) filter (where evidence != 'none'), 'none') as evidence,
        count(*) as document_count,
        count(is_used) as judged_count,
        count(*) filter (where is_used) as used_count,
        usage_date
    from documents
    group by trace_id, span_id, usage_date
),

retrievals_judged as (
    select
        documents_summed.trace_id,
        documents_summed.span_id,
        answers.feature_id,
        documents_summed.evidence,
        case
            when documents_summed.evidence = 'none' then documents_summed.document_count
            else documents_summed.judged_count
        end as retrieved_document_count,
        case when documents_summed.evidence != 'none' then documents_summed.used_count end as used_document_count,
        documents_summed.usage_date
    from documents_summed
    inner join answers on documents_summed.trace_id = answers.trace_id
)

select * from retrievals_judged
