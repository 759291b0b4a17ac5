{#
    Grain: one row per document of a retrieval; trace_id, span_id and document_rank.

    Whether an answer of the trace drew on it. Where an answer records what it cites, that decides (`citation`), for documents with an id.
    Else an estimate does (`overlap_estimate`): what the application sends, before what the landing made from kept texts; from
    var used_from_score on the document was used. With neither it is not known (`none`).
#}
with

documents as (
    select
        trace_id,
        span_id,
        document_id,
        document_rank,
        usage_date
    from {{ ref('int_span_documents_unnested') }}
    where document_list = 'retrieved'
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

-- The answer that draws on a document most.
uses_said as (
    select
        trace_id,
        document_id,
        case when count(distinct use_method_id) = 1 then min(use_method_id) end as method_id,
        max(use_score) as use_score,
        max(token_count) as token_count
    from {{ ref('int_span_documents_unnested') }}
    where document_list = 'estimated' and document_id is not null
    group by trace_id, document_id
),

-- Of a span that landed again, what was held against the most answers.
uses_ranked as (
    select
        *,
        row_number() over (
            partition by trace_id, span_id, document_rank
            order by answer_count desc, landing_date desc
        ) as landing_rank
    from {{ ref('stg_otlp_traces__document_uses') }}
),

uses_found as (
    select * from uses_ranked
    where landing_rank = 1
),

documents_with_evidence as (
    select
        documents.*,
        case
            when traces_that_record.trace_id is not null then 'citation'
            when coalesce(uses_said.use_score, uses_found.use_score) is not null then 'overlap_estimate'
            else 'none'
        end as evidence,
        case when uses_said.use_score is not null then uses_said.method_id else uses_found.method_id end as method_id,
        coalesce(uses_said.use_score, uses_found.use_score) as use_score,
        coalesce(uses_said.token_count, uses_found.estimated_token_count) as token_count,
        uses_said.token_count is null as is_token_count_estimated,
        documents_cited.document_id is not null as is_cited
    from documents
    left join traces_that_record on documents.trace_id = traces_that_record.trace_id
    left join documents_cited
        on documents.trace_id = documents_cited.trace_id and documents.document_id = documents_cited.document_id
    left join uses_said
        on documents.trace_id = uses_said.trace_id and documents.document_id = uses_said.document_id
    left join uses_found
        on
            documents.trace_id = uses_found.trace_id
            and documents.span_id = uses_found.span_id
            and documents.document_rank = uses_found.document_rank
),

documents_judged as (
    select
        trace_id,
        span_id,
        document_id,
        evidence,
        case when evidence = 'overlap_estimate' then method_id end as method_id,
        document_rank,
        token_count,
        case evidence
            when 'citation' then is_cited
            when 'overlap_estimate' then use_score >= {{ var('used_from_score') }}
        end as is_used,
        is_token_count_estimated,
        usage_date
    from documents_with_evidence
    where document_id is not null or evidence = 'overlap_estimate'
)

select * from documents_judged
