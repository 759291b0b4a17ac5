{#
    Grain: one row per usage_date, feature_id, policy_id, first_model_id, model_id, task_type, policy_version, strategy, reason and tier.

    What is saved is what the same tokens would have cost on the most capable model less what all attempts cost: less than nothing
    where answers went on too often. Of decisions that say both; the others are counted.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

decisions as (
    select * from {{ ref('int_routing_decisions_resolved') }}
    where {{ is_on_changed_day() }}
),

decisions_summed as (
    select
        feature_id,
        policy_id,
        first_model_id,
        model_id,
        task_type,
        policy_version,
        strategy,
        reason,
        tier,
        count(*) as decision_count,
        count(*) filter (where could_escalate) as escalatable_count,
        count(*) filter (where could_escalate and is_escalated is null) as unknown_escalation_count,
        count(*) filter (where is_escalated) as escalated_count,
        count(*) filter (where is_fallback) as fallback_count,
        cast(sum(attempt_count) as bigint) as attempt_count,
        count(*) filter (where attempt_count is null) as unknown_attempt_count,
        count(*) filter (where estimated_cost_usd is null or capable_cost_usd is null) as unknown_cost_count,
        cast(
            sum(estimated_cost_usd) filter (where capable_cost_usd is not null) as decimal(18, 6)
        ) as estimated_cost_usd,
        cast(
            sum(capable_cost_usd) filter (where estimated_cost_usd is not null) as decimal(18, 6)
        ) as capable_cost_usd,
        cast(sum(duration_ms) as double) / nullif(count(duration_ms), 0) as mean_duration_ms,
        max(duration_ms) as largest_duration_ms,
        usage_date
    from decisions
    group by
        usage_date,
        feature_id,
        policy_id,
        first_model_id,
        model_id,
        task_type,
        policy_version,
        strategy,
        reason,
        tier
),

decisions_with_saving as (
    select
        feature_id,
        policy_id,
        first_model_id,
        model_id,
        task_type,
        policy_version,
        strategy,
        reason,
        tier,
        decision_count,
        escalatable_count,
        unknown_escalation_count,
        escalated_count,
        fallback_count,
        attempt_count,
        unknown_attempt_count,
        unknown_cost_count,
        estimated_cost_usd,
        capable_cost_usd,
        cast(capable_cost_usd - estimated_cost_usd as decimal(18, 6)) as saved_cost_usd,
        mean_duration_ms,
        largest_duration_ms,
        usage_date
    from decisions_summed
)

select * from decisions_with_saving
