{# Grain: one row per trace_id, span_id, document_rank and landing_date. #}
with

document_uses as (
    select * from {{ source('otlp_traces', 'document_uses') }}
),

document_uses_typed as (
    select
        cast(trace_id as string) as trace_id,
        cast(span_id as string) as span_id,
        cast(method_id as string) as method_id,
        cast(document_rank as bigint) as document_rank,
        cast(use_score as double) as use_score,
        cast(estimated_token_count as bigint) as estimated_token_count,
        cast(answer_count as bigint) as answer_count,
        cast(landing_date as date) as landing_date
    from document_uses
)

select * from document_uses_typed
