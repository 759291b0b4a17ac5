{#
    Grain: one row per decision_id and call_id: the calls of the days that speak about a decision, with the part of the feature
    (stratum_id) in which they are compared.
#}
with

decision_days as (
    select * from {{ ref('int_decision_days_listed') }}
),

calls as (
    select
        call_id,
        trace_id,
        feature_id,
        pipeline_id,
        task_type,
        input_tokens,
        output_tokens,
        allocated_cost_usd,
        is_generating,
        usage_date
    from {{ ref('fct_llm_calls') }}
),

decision_calls as (
    select
        decision_days.decision_id,
        calls.call_id,
        calls.trace_id,
        case when decision_days.is_by_call then calls.pipeline_id || '/' || calls.task_type else 'all' end
            as stratum_id,
        decision_days.volume_basis,
        calls.input_tokens,
        calls.output_tokens,
        calls.allocated_cost_usd,
        calls.is_generating,
        decision_days.week_start_date,
        calls.usage_date
    from decision_days
    inner join calls
        on
            decision_days.feature_id = calls.feature_id
            and decision_days.usage_date = calls.usage_date
            and (decision_days.task_type is null or decision_days.task_type = calls.task_type)
            and (calls.is_generating or not decision_days.is_by_call)
)

select * from decision_calls
