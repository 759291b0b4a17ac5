{#
    Grain: one row per usage_date, feature_id and task type (dimension) of calls whose answer is data of a known shape (seed
    task_types) and that have a bound in seed metric_thresholds; feature_id `total` is all features together.

    What output beyond that bound cost, and beyond the healthy one: of each call, the tokens over warning_bound × its input, at what its own output tokens cost
    it. So days and features add up. Of a few calls the cost may be unknown (seed reporting_bounds), of more the sum is NULL. Exact to 1e-12 USD,
    a call rounded once.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
{%- set millionths = whole_number('1000000') %}
with

calls as (
    select
        call_id,
        feature_id,
        task_type,
        input_tokens,
        output_tokens,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where is_generating and input_tokens is not null and output_tokens is not null and {{ is_on_changed_day() }}
),

output_costs as (
    select
        call_id,
        case when count(*) = count(allocated_cost_usd) then sum(allocated_cost_usd) end as output_cost_usd
    from {{ ref('int_llm_call_costs_allocated') }}
    where token_class = 'output' and {{ is_on_changed_day('call_date') }}
    group by call_id
),

thresholds as (
    select
        metric_name,
        dimension,
        {{ whole_number('round(warning_bound * 1000000)') }} as bound_millionths,
        {{ whole_number('round(healthy_bound * 1000000)') }} as healthy_bound_millionths
    from {{ ref('metric_thresholds') }}
    -- Calls are features': bounds for the total alone are not for them.
    where metric_name = 'token_amplification' and scope in ('any', 'feature')
),

unknown_cost_bound as (
    select bound as largest_unknown_cost_ratio
    from {{ ref('reporting_bounds') }}
    where bound_name = 'largest_unknown_cost_ratio'
),

structured_task_types as (
    select
        task_type,
        'task_type=' || task_type as dimension
    from {{ ref('task_types') }}
    where is_structured_output
),

calls_beside_bounds as (
    select
        calls.feature_id,
        thresholds.dimension,
        thresholds.metric_name,
        calls.output_tokens,
        output_costs.output_cost_usd,
        greatest(
            {{ millionths }} * calls.output_tokens - thresholds.bound_millionths * calls.input_tokens, 0
        ) as excess_token_millionths,
        greatest(
            {{ millionths }} * calls.output_tokens - thresholds.healthy_bound_millionths * calls.input_tokens, 0
        ) as over_healthy_token_millionths,
        calls.usage_date
    from calls
    inner join structured_task_types on calls.task_type = structured_task_types.task_type
    inner join thresholds on structured_task_types.dimension = thresholds.dimension
    left join output_costs on calls.call_id = output_costs.call_id
),

calls_priced as (
    select
        *,
        case
            when excess_token_millionths = 0 then {{ whole_number('0') }}
            else
                {{ divide_rounded(
                    to_pico_usd('output_cost_usd') ~ ' * excess_token_millionths',
                    '(' ~ millionths ~ ' * output_tokens)'
                ) }}
        end as excess_pico_usd,
        case
            when over_healthy_token_millionths = 0 then {{ whole_number('0') }}
            else
                {{ divide_rounded(
                    to_pico_usd('output_cost_usd') ~ ' * over_healthy_token_millionths',
                    '(' ~ millionths ~ ' * output_tokens)'
                ) }}
        end as over_healthy_pico_usd
    from calls_beside_bounds
),

calls_with_total as (
    select * from calls_priced
    union all
    select
        'total' as feature_id,
        dimension,
        metric_name,
        output_tokens,
        output_cost_usd,
        excess_token_millionths,
        over_healthy_token_millionths,
        usage_date,
        excess_pico_usd,
        over_healthy_pico_usd
    from calls_priced
),

excess_outputs_summed as (
    select
        feature_id,
        dimension,
        metric_name,
        count(*) filter (where excess_token_millionths > 0) as excess_call_count,
        cast(sum(excess_token_millionths) as double) / 1000000 as excess_output_tokens,
        count(*) - count(excess_pico_usd) as unknown_cost_call_count,
        sum(excess_pico_usd) as excess_pico_usd,
        sum(over_healthy_pico_usd) as over_healthy_pico_usd,
        usage_date
    from calls_with_total
    group by usage_date, feature_id, dimension, metric_name
),

excess_outputs_priced as (
    select
        excess_outputs_summed.feature_id,
        excess_outputs_summed.dimension,
        excess_outputs_summed.metric_name,
        excess_outputs_summed.excess_call_count,
        excess_outputs_summed.excess_output_tokens,
        case
            when
                excess_outputs_summed.unknown_cost_call_count
                <= unknown_cost_bound.largest_unknown_cost_ratio * excess_outputs_summed.excess_call_count
                then {{ pico_to_usd('excess_outputs_summed.excess_pico_usd') }}
        end as excess_output_cost_usd,
        -- A call between the two bounds whose cost is not known adds nothing.
        case
            when
                excess_outputs_summed.unknown_cost_call_count
                <= unknown_cost_bound.largest_unknown_cost_ratio * excess_outputs_summed.excess_call_count
                then {{ pico_to_usd('excess_outputs_summed.over_healthy_pico_usd') }}
        end as over_healthy_output_cost_usd,
        excess_outputs_summed.usage_date
    from excess_outputs_summed
    cross join unknown_cost_bound
)

select * from excess_outputs_priced
