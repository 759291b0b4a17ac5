{#
    Grain: one row per answering call and evidence; call_id and evidence.

    What a call paid for documents in its prompt that its answers did not draw on. A retrieval's documents are paid for by the first
    generating call of its trace that begins after the retrieval did, once, though later calls may carry them along. Documents that a
    reranker was given and left out never reached the prompt. Tokens are said by the application, else estimated from the
    text; together they are at most the call's input. A token costs what the call's input tokens cost on average, by what the
    call pays. Where the tokens of a document are not known, those of the call are not, and neither is the money.
#}
with

documents as (
    select * from {{ ref('int_documents_judged') }}
    where evidence != 'none'
),

retrieval_spans as (
    select
        trace_id,
        span_id,
        started_at
    from {{ ref('int_spans_deduplicated') }}
    where operation_name = 'retrieval'
),

answers as (
    select
        call_id,
        trace_id,
        feature_id,
        input_tokens,
        usage_date,
        started_at
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

reranked as (
    select
        trace_id,
        span_id,
        document_id,
        bool_or(document_list = 'reranked_before') as is_before,
        bool_or(document_list = 'reranked_after') as is_after
    from {{ ref('int_span_documents_unnested') }}
    where document_list in ('reranked_before', 'reranked_after') and document_id is not null
    group by trace_id, span_id, document_id
),

reranks_that_say_both as (
    select
        trace_id,
        span_id
    from reranked
    group by trace_id, span_id
    having bool_or(is_before) and bool_or(is_after)
),

documents_cut as (
    select distinct
        reranked.trace_id,
        reranked.document_id
    from reranked
    inner join reranks_that_say_both
        on reranked.trace_id = reranks_that_say_both.trace_id and reranked.span_id = reranks_that_say_both.span_id
    where not reranked.is_after
),

input_costs as (
    select
        call_id,
        sum(allocated_cost_usd) as input_cost_usd,
        bool_and(allocated_cost_usd is not null) as is_cost_known
    from {{ ref('int_llm_call_costs_allocated') }}
    where token_class like '%input'
    group by call_id
),

answers_ranked as (
    select
        retrieval_spans.trace_id,
        retrieval_spans.span_id,
        answers.call_id,
        row_number() over (
            partition by retrieval_spans.trace_id, retrieval_spans.span_id
            order by answers.started_at asc, answers.call_id asc
        ) as answer_rank
    from retrieval_spans
    inner join answers
        on retrieval_spans.trace_id = answers.trace_id and retrieval_spans.started_at <= answers.started_at
),

-- A document that two retrievals of a prompt found is in it once.
documents_in_prompts as (
    select
        answers_ranked.call_id,
        documents.evidence,
        max(documents.token_count) as token_count,
        bool_or(documents.is_used) as is_used,
        bool_or(documents.is_token_count_estimated) as is_token_count_estimated
    from documents
    inner join answers_ranked
        on documents.trace_id = answers_ranked.trace_id and documents.span_id = answers_ranked.span_id
    left join documents_cut
        on documents.trace_id = documents_cut.trace_id and documents.document_id = documents_cut.document_id
    where answers_ranked.answer_rank = 1 and documents_cut.document_id is null
    group by
        answers_ranked.call_id,
        documents.evidence,
        coalesce(documents.document_id, documents.span_id || ' ' || cast(documents.document_rank as string))
),

documents_summed as (
    select
        call_id,
        evidence,
        count(*) as document_count,
        count(*) filter (where not is_used) as unused_document_count,
        case when count(token_count) = count(*) then sum(token_count) end as document_tokens,
        coalesce(sum(token_count) filter (where not is_used), 0) as unused_tokens,
        bool_or(is_token_count_estimated) as is_token_count_estimated
    from documents_in_prompts
    group by call_id, evidence
),

unused_tokens_capped as (
    select
        documents_summed.call_id,
        answers.feature_id,
        documents_summed.evidence,
        documents_summed.document_count,
        documents_summed.unused_document_count,
        answers.input_tokens,
        case
            when documents_summed.document_tokens <= answers.input_tokens then documents_summed.unused_tokens
            when documents_summed.document_tokens > answers.input_tokens
                then {{ whole_quotient(
                    whole_number('documents_summed.unused_tokens') ~ ' * answers.input_tokens',
                    'nullif(documents_summed.document_tokens, 0)'
                ) }}
        end as unused_tokens,
        case when input_costs.is_cost_known then input_costs.input_cost_usd end as input_cost_usd,
        documents_summed.is_token_count_estimated,
        answers.usage_date
    from documents_summed
    inner join answers on documents_summed.call_id = answers.call_id
    left join input_costs on documents_summed.call_id = input_costs.call_id
),

unused_documents_priced as (
    select
        call_id,
        feature_id,
        evidence,
        document_count,
        unused_document_count,
        input_tokens,
        cast(unused_tokens as bigint) as unused_tokens,
        input_cost_usd,
        {{ pico_to_usd(divide_rounded(
            to_pico_usd('input_cost_usd') ~ ' * unused_tokens', 'nullif(input_tokens, 0)'
        )) }} as unused_input_cost_usd,
        is_token_count_estimated,
        usage_date
    from unused_tokens_capped
)

select * from unused_documents_priced
