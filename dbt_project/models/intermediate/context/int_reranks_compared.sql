{#
    Grain: one row per rerank that tells the order of its documents before and after; call_id.

    What of the top changed: the first var reranker_top_k places, or as many as both orders have, so that an order that is only cut off has
    not changed. Where answers of the trace cite documents, also whether one of these is in the top, before and after.
#}
{%- set top_k = reranker_top_k() %}
with

calls as (
    select
        call_id,
        trace_id,
        span_id,
        feature_id
    from {{ ref('fct_llm_calls') }}
    where operation_name = 'rerank'
),

documents as (
    select
        trace_id,
        span_id,
        document_list,
        document_id,
        document_rank,
        usage_date
    from {{ ref('int_span_documents_unnested') }}
    where document_list in ('reranked_before', 'reranked_after') and document_id is not null
),

documents_cited as (
    select distinct
        trace_id,
        document_id
    from {{ ref('int_span_documents_unnested') }}
    where document_list = 'cited'
),

traces_that_cite as (
    select distinct trace_id
    from documents_cited
),

reranks as (
    select
        trace_id,
        span_id,
        least(
            {{ top_k }},
            max(document_rank) filter (where document_list = 'reranked_before'),
            max(document_rank) filter (where document_list = 'reranked_after')
        ) as top_count,
        usage_date
    from documents
    group by trace_id, span_id, usage_date
    having count(distinct document_list) = 2
),

documents_in_top as (
    select
        documents.trace_id,
        documents.span_id,
        documents.document_id,
        min(documents.document_rank) filter (where documents.document_list = 'reranked_before') as rank_before,
        min(documents.document_rank) filter (where documents.document_list = 'reranked_after') as rank_after
    from documents
    inner join reranks on documents.trace_id = reranks.trace_id and documents.span_id = reranks.span_id
    where documents.document_rank <= reranks.top_count
    group by documents.trace_id, documents.span_id, documents.document_id
),

tops_compared as (
    select
        documents_in_top.trace_id,
        documents_in_top.span_id,
        bool_or(documents_in_top.rank_before is null or documents_in_top.rank_after is null) as has_other_documents,
        bool_or(documents_in_top.rank_before is distinct from documents_in_top.rank_after) as is_changed,
        bool_or(documents_in_top.rank_before is not null and documents_cited.document_id is not null) as has_hit_before,
        bool_or(documents_in_top.rank_after is not null and documents_cited.document_id is not null) as has_hit_after
    from documents_in_top
    left join documents_cited
        on
            documents_in_top.trace_id = documents_cited.trace_id
            and documents_in_top.document_id = documents_cited.document_id
    group by documents_in_top.trace_id, documents_in_top.span_id
),

reranks_compared as (
    select
        calls.call_id,
        calls.feature_id,
        reranks.top_count,
        tops_compared.has_other_documents,
        tops_compared.is_changed,
        case when traces_that_cite.trace_id is not null then tops_compared.has_hit_before end as has_hit_before,
        case when traces_that_cite.trace_id is not null then tops_compared.has_hit_after end as has_hit_after,
        reranks.usage_date
    from calls
    inner join reranks on calls.trace_id = reranks.trace_id and calls.span_id = reranks.span_id
    inner join tops_compared on calls.trace_id = tops_compared.trace_id and calls.span_id = tops_compared.span_id
    left join traces_that_cite on calls.trace_id = traces_that_cite.trace_id
)

select * from reranks_compared
