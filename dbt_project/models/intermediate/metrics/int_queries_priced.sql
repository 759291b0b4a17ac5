{#
    Grain: one row per query and feature that answered it: trace_id, span_id and feature_id.

    What its calls cost, embedding and reranking included: what an answer from a cache would have saved.
#}
with

queries as (
    select * from {{ ref('stg_analysis__queries') }}
),

query_calls as (
    select * from {{ ref('stg_analysis__query_calls') }}
),

calls as (
    select
        call_id,
        allocated_cost_usd
    from {{ ref('fct_llm_calls') }}
),

costs_summed as (
    select
        query_calls.trace_id,
        query_calls.span_id,
        query_calls.feature_id,
        sum(calls.allocated_cost_usd) as allocated_cost_usd,
        count(*) filter (where calls.allocated_cost_usd is null) as unknown_cost_call_count
    from query_calls
    inner join calls on query_calls.call_id = calls.call_id
    group by query_calls.trace_id, query_calls.span_id, query_calls.feature_id
),

queries_priced as (
    select
        queries.trace_id,
        queries.span_id,
        queries.feature_id,
        queries.embedder_id,
        queries.evidence,
        queries.reached_similarity,
        queries.prompt_block_tokens,
        queries.reusable_5m_tokens,
        queries.reusable_1h_tokens,
        queries.reusable_24h_tokens,
        cast(costs_summed.allocated_cost_usd as decimal(38, 12)) as allocated_cost_usd,
        cast(costs_summed.unknown_cost_call_count as bigint) as unknown_cost_call_count,
        queries.is_repeat,
        queries.is_compared,
        queries.is_asked_again,
        queries.usage_date
    from queries
    left join costs_summed
        on
            queries.trace_id = costs_summed.trace_id
            and queries.span_id = costs_summed.span_id
            and queries.feature_id = costs_summed.feature_id
)

select * from queries_priced
