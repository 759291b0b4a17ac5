{#
    Grain: one row per retrieval and feature whose calls answered in its trace; trace_id, span_id and feature_id.

    A retrieved document was used when an answer of the trace cites it. Where no answer of the trace records what it draws on, not
    even an empty list, nothing is known of the use, and used_document_count is NULL. Documents without an id are left out.
#}
with

documents as (
    select
        trace_id,
        span_id,
        document_id,
        usage_date
    from {{ ref('int_span_documents_unnested') }}
    where document_list = 'retrieved' and document_id is not null
),

documents_cited as (
    select distinct
        trace_id,
        document_id
    from {{ ref('int_span_documents_unnested') }}
    where document_list = 'cited'
),

traces_that_record as (
    select distinct trace_id
    from {{ ref('int_citing_spans_found') }}
),

answers as (
    select distinct
        trace_id,
        feature_id
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

retrievals as (
    select
        documents.trace_id,
        documents.span_id,
        count(*) as retrieved_document_count,
        count(documents_cited.document_id) as cited_document_count,
        documents.usage_date
    from documents
    left join documents_cited
        on documents.trace_id = documents_cited.trace_id and documents.document_id = documents_cited.document_id
    group by documents.trace_id, documents.span_id, documents.usage_date
),

retrievals_judged as (
    select
        retrievals.trace_id,
        retrievals.span_id,
        answers.feature_id,
        retrievals.retrieved_document_count,
        case
            when traces_that_record.trace_id is not null then retrievals.cited_document_count
        end as used_document_count,
        retrievals.usage_date
    from retrievals
    inner join answers on retrievals.trace_id = answers.trace_id
    left join traces_that_record on retrievals.trace_id = traces_that_record.trace_id
)

select * from retrievals_judged
