{#
    Grain: one row per span that records which documents its answer draws on, also where these are none; trace_id and span_id.

    int_span_documents_unnested has the documents; of a span without any it has no row, and whether a service records them
    at all would not be known.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with

citing_spans_found as (
    select
        trace_id,
        span_id,
        {{ json_length('details_json', '$.cited_document_ids') }} as cited_document_count,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    where
        {{ json_length('details_json', '$.cited_document_ids') }} is not null
        and {{ is_of_changed_trace('trace_id') }}
)

select * from citing_spans_found
order by usage_date
