{#
    Grain: one row per document on a span: trace_id, span_id, document_list and document_rank.

    `retrieved` and `reranked_before`/`reranked_after` in the order that the span lists them, `cited` by an answer, `estimated` where the
    application says how far the answer draws on each: on the answer's span, or on one of its own in the trace. Ids and numbers only.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with

spans as (
    select
        trace_id,
        span_id,
        operation_name,
        details_json,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    where details_json is not null and {{ is_of_changed_trace('trace_id') }}
),

document_lists as (
    select
        trace_id,
        span_id,
        'retrieved' as document_list,
        {{ json_elements('details_json', '$.documents') }} as documents,
        cast(null as string) as use_method_id,
        usage_date
    from spans
    where operation_name = 'retrieval'
    union all
    select
        trace_id,
        span_id,
        'reranked_before' as document_list,
        {{ json_elements('details_json', '$.input_documents') }} as documents,
        cast(null as string) as use_method_id,
        usage_date
    from spans
    where operation_name = 'rerank'
    union all
    select
        trace_id,
        span_id,
        'reranked_after' as document_list,
        {{ json_elements('details_json', '$.output_documents') }} as documents,
        cast(null as string) as use_method_id,
        usage_date
    from spans
    where operation_name = 'rerank'
    union all
    select
        trace_id,
        span_id,
        'cited' as document_list,
        {{ json_elements('details_json', '$.cited_document_ids') }} as documents,
        cast(null as string) as use_method_id,
        usage_date
    from spans
    union all
    select
        trace_id,
        span_id,
        'estimated' as document_list,
        {{ json_elements('details_json', '$.document_uses') }} as documents,
        {{ json_text('details_json', '$.document_use_method') }} as use_method_id,
        usage_date
    from spans
),

documents as (
    select
        trace_id,
        span_id,
        document_list,
        use_method_id,
        {{ unnested('documents', 'document', 'document_rank') }},
        usage_date
    from document_lists
),

documents_unnested as (
    select
        trace_id,
        span_id,
        document_list,
        case
            when document_list = 'cited' then document
            else {{ json_text('document', '$.id') }}
        end as document_id,
        use_method_id,
        cast(document_rank as bigint) as document_rank,
        case
            when document_list != 'cited' then cast({{ json_text('document', '$.score') }} as double)
        end as score,
        case
            when document_list = 'estimated' then cast({{ json_text('document', '$.use_score') }} as double)
        end as use_score,
        case
            when document_list = 'estimated' then cast({{ json_text('document', '$.token_count') }} as bigint)
        end as token_count,
        usage_date
    from documents
)

select * from documents_unnested
order by usage_date
