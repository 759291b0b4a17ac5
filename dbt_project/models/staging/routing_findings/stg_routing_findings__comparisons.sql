{# Grain: one row per trace_id, span_id and candidate_model_id. #}
with

comparisons as (
    select * from {{ source('routing_findings', 'comparisons') }}
),

comparisons_typed as (
    select
        cast(trace_id as string) as trace_id,
        cast(span_id as string) as span_id,
        cast(task_type as string) as task_type,
        cast(baseline_model_id as string) as baseline_model_id,
        cast(candidate_model_id as string) as candidate_model_id,
        cast(how as string) as how,
        cast(baseline_input_tokens as bigint) as baseline_input_tokens,
        cast(baseline_output_tokens as bigint) as baseline_output_tokens,
        cast(candidate_input_tokens as bigint) as candidate_input_tokens,
        cast(candidate_output_tokens as bigint) as candidate_output_tokens,
        cast(cost_usd as double) as cost_usd,
        cast(is_no_worse as boolean) as is_no_worse,
        cast(made_date as date) as made_date
    from comparisons
)

select * from comparisons_typed
