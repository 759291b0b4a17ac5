{#
    Grain: one row per usage_date, feature_id and dimension (`all`, or a task type); feature_id `total` is all features together.

    Decisions in which the first model's answer went on to a more capable one ÷ decisions in which it could have. One that does not say
    whether it escalated is on neither side.
#}
with

decisions as (
    select
        feature_id,
        task_type,
        escalatable_count,
        unknown_escalation_count,
        escalated_count,
        usage_date
    from {{ ref('fct_daily_routing_decisions') }}
    where escalatable_count > 0
),

decisions_with_total as (
    select * from decisions
    union all
    select
        'total' as feature_id,
        task_type,
        escalatable_count,
        unknown_escalation_count,
        escalated_count,
        usage_date
    from decisions
),

decisions_by_dimension as (
    select
        feature_id,
        'task_type=' || task_type as dimension,
        escalatable_count,
        unknown_escalation_count,
        escalated_count,
        usage_date
    from decisions_with_total
    union all
    select
        feature_id,
        'all' as dimension,
        escalatable_count,
        unknown_escalation_count,
        escalated_count,
        usage_date
    from decisions_with_total
),

routing_escalations_measured as (
    select
        feature_id,
        dimension,
        'routing_escalation_ratio' as metric_name,
        cast(sum(escalated_count) as double) as numerator,
        cast(sum(escalatable_count - unknown_escalation_count) as double) as denominator,
        cast(sum(escalatable_count - unknown_escalation_count) as bigint) as sample_count,
        cast(sum(escalatable_count) as bigint) as considered_count,
        {{ ratio('sum(unknown_escalation_count)', 'sum(escalatable_count)') }} as unknown_ratio,
        usage_date
    from decisions_by_dimension
    group by usage_date, feature_id, dimension
)

select * from routing_escalations_measured
