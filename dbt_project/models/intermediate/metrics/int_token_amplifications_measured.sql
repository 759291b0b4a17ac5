{#
    Grain: one row per usage_date, feature_id and task type (dimension); feature_id `total` is all features together.

    Output ÷ input tokens of generating calls that say both.
#}
with

calls as (
    select
        feature_id,
        task_type,
        input_tokens,
        output_tokens,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where is_generating and input_tokens is not null and output_tokens is not null
),

calls_summed as (
    select
        feature_id,
        task_type,
        count(*) as call_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        usage_date
    from calls
    group by usage_date, feature_id, task_type
),

calls_with_total as (
    select * from calls_summed
    union all
    select
        'total' as feature_id,
        task_type,
        call_count,
        input_tokens,
        output_tokens,
        usage_date
    from calls_summed
),

token_amplifications_measured as (
    select
        feature_id,
        'task_type=' || task_type as dimension,
        'token_amplification' as metric_name,
        cast(sum(output_tokens) as double) as numerator,
        cast(sum(input_tokens) as double) as denominator,
        cast(sum(call_count) as bigint) as sample_count,
        cast(sum(call_count) as bigint) as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from calls_with_total
    group by usage_date, feature_id, task_type
)

select * from token_amplifications_measured
