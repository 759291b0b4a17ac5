{#
    Grain: one row per week_number and measure_name of seed rollout_steps: how far the first thirty days have come at the build's
    as_of_date. A value that nothing can be said about is NULL and `not_known`, which is not 0.

    The state of alarms lies with the service they are kept in, and not here: measured is which rules have a value to look at.
#}
{%- set as_of_date = "cast('" ~ var('as_of_date') ~ "' as date)" %}
with

steps as (
    select * from {{ ref('rollout_steps') }}
),

feature_costs as (
    select
        feature_id,
        allocated_cost_usd
    from {{ ref('fct_daily_feature_costs') }}
    where usage_date >= {{ as_of_date }} - interval 7 day and usage_date < {{ as_of_date }}
),

metrics as (
    select distinct
        metric_name,
        dimension
    from {{ ref('fct_daily_metrics') }}
    where
        value is not null and usage_date >= {{ as_of_date }} - interval 7 day and usage_date < {{ as_of_date }}
),

thresholds as (
    select distinct metric_name
    from {{ ref('metric_thresholds') }}
),

alarm_rules as (
    select
        rule,
        metric_name,
        dimension
    from {{ ref('alarm_rules') }}
),

baselines as (
    select usage_date
    from {{ ref('fct_daily_cost_baselines') }}
    where usage_date >= {{ as_of_date }} - interval 7 day and usage_date < {{ as_of_date }}
),

task_types_found as (
    select * from {{ ref('int_task_types_found') }}
),

calls as (
    select
        call_id,
        feature_id,
        pipeline_id,
        operation_name,
        task_type
    from {{ ref('fct_llm_calls') }}
    where
        is_generating and usage_date >= {{ as_of_date }} - interval 7 day and usage_date < {{ as_of_date }}
),

calls_told_apart as (
    select
        calls.call_id,
        calls.task_type != 'unknown' or task_types_found.task_type is not null as has_task_type
    from calls
    left join task_types_found
        on
            calls.feature_id = task_types_found.feature_id
            and calls.pipeline_id = task_types_found.pipeline_id
            and calls.operation_name = task_types_found.operation_name
),

comparisons as (
    select made_date
    from {{ ref('int_shadow_comparisons_resolved') }}
    where made_date >= {{ as_of_date }} - interval 28 day and made_date < {{ as_of_date }}
),

results as (
    select
        decision_id,
        decision_status,
        status
    from {{ ref('fct_decision_results') }}
),

-- A week that cost nothing has nothing to attribute.
measures as (
    select
        'attributed_cost_ratio' as measure_name,
        {{ ratio(
            "sum(allocated_cost_usd) filter (where feature_id != 'unattributed')", 'sum(allocated_cost_usd)'
        ) }} as measured_value
    from feature_costs
    union all
    select
        'known_metric_count' as measure_name,
        cast(count(distinct metrics.metric_name) as double) as measured_value
    from metrics
    inner join thresholds on metrics.metric_name = thresholds.metric_name
    union all
    select
        'fed_alarm_rule_count' as measure_name,
        cast(
            count(distinct case
                when
                    metrics.metric_name is not null
                    or (
                        alarm_rules.metric_name like 'feature_daily_cost%'
                        and (select count(*) from baselines) > 0
                    )
                    then alarm_rules.rule
            end) as double
        ) as measured_value
    from alarm_rules
    left join metrics
        on alarm_rules.metric_name = metrics.metric_name and alarm_rules.dimension = metrics.dimension
    union all
    select
        'shadow_comparison_count' as measure_name,
        cast(count(*) as double) as measured_value
    from comparisons
    union all
    select
        'task_type_call_ratio' as measure_name,
        {{ ratio("count(*) filter (where has_task_type)", 'count(*)') }} as measured_value
    from calls_told_apart
    union all
    select
        'shipped_decision_count' as measure_name,
        cast(
            count(distinct case when decision_status = 'shipped' and status != 'not_shipped' then decision_id end)
            as double
        ) as measured_value
    from results
    union all
    select
        'measured_decision_count' as measure_name,
        cast(
            count(distinct case when status in ('measured', 'measured_together') then decision_id end) as double
        ) as measured_value
    from results
),

steps_measured as (
    select
        steps.*,
        measures.measured_value,
        case
            when measures.measured_value is null then 'not_known'
            when round(measures.measured_value, 12) >= steps.target then 'done'
            when measures.measured_value > 0 then 'in_progress'
            else 'not_started'
        end as status
    from steps
    left join measures on steps.measure_name = measures.measure_name
),

steps_in_words as (
    select
        *,
        case
            when measure_name like '%_ratio'
                then cast(cast(floor(round(measured_value * 1000, 6)) / 10 as decimal(9, 1)) as string) || ' %'
            else cast(cast(measured_value as bigint) as string)
        end as value_in_words,
        case
            when measure_name like '%_ratio'
                then cast(cast(round(target * 100, 1) as decimal(9, 1)) as string) || ' %'
            else cast(cast(target as bigint) as string)
        end as target_in_words,
        case measure_name
            when 'attributed_cost_ratio' then 'of what the trailing week cost belongs to a feature'
            when 'known_metric_count' then 'metrics with bounds had a value in the trailing week'
            when 'fed_alarm_rule_count' then 'alarm rules had a value to look at in the trailing week'
            when 'shadow_comparison_count' then 'shadow comparisons were made in the trailing 28 days'
            when 'task_type_call_ratio' then 'of the generating calls of the trailing week have a task type'
            when 'shipped_decision_count' then 'decisions have shipped'
            when 'measured_decision_count' then 'decisions have a measured week'
        end as what_is_counted
    from steps_measured
),

rollout_readiness as (
    select
        measure_name,
        step,
        status,
        case
            when status = 'not_known' and measure_name = 'attributed_cost_ratio'
                then 'no cost is known of the trailing week'
            when status = 'not_known' then 'no generating call was traced in the trailing week'
            when status != 'done' then value_in_words || ' ' || what_is_counted || '; wanted: ' || target_in_words
        end as what_is_missing,
        owner,
        week_number,
        measured_value as value,
        target,
        {{ as_of_date }} as as_of_date
    from steps_in_words
)

select * from rollout_readiness
