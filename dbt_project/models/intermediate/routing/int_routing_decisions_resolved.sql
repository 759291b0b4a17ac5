{#
    Grain: one row per routing decision; trace_id and span_id.

    Features and models have the names that calls have: a model's is that of the decision's call on its day which was asked for it, else the
    router's own word, so that a day is made of that day alone. A decision could escalate where it has a confidence to be judged by; one
    whose model failed had none.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

decisions as (
    select
        trace_id,
        span_id,
        {{ own_feature_id('feature_id') }} as named_feature_id,
        task_type,
        {% for name in ['policy', 'policy_version', 'strategy', 'reason', 'tier', 'model', 'first_model'] %}
        nullif(trim({{ json_text('details_json', '$.' ~ name) }}), '') as {{ name }},
        {% endfor %}
        try_cast({{ json_text('details_json', '$.attempt_count') }} as bigint) as attempt_count,
        try_cast({{ json_text('details_json', '$.confidence') }} as double) as confidence,
        {% for name in ['estimated_cost_usd', 'capable_cost_usd'] %}
        -- By way of a double, which a text with an exponent is for either engine.
        cast(try_cast({{ json_text('details_json', '$.' ~ name) }} as double) as decimal(38, 12)) as {{ name }},
        {% endfor %}
        try_cast({{ json_text('details_json', '$.is_escalated') }} as boolean) as is_escalated,
        coalesce(try_cast({{ json_text('details_json', '$.is_fallback') }} as boolean), false) as is_fallback,
        {{ milliseconds_between('started_at', 'ended_at') }} as duration_ms,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    where operation_name = 'routing' and {{ is_on_changed_day() }}
),

calls as (
    select
        call_id,
        request_model,
        model_id,
        usage_date
    from {{ ref('int_llm_calls_resolved') }}
    where {{ is_on_changed_day() }}
),

routed_calls as (
    select
        call_id,
        trace_id,
        span_id
    from {{ ref('int_routed_calls_found') }}
),

feature_aliases as (
    select
        alias,
        feature_id,
        valid_from,
        valid_to
    from {{ ref('feature_aliases') }}
),

models_of_decisions as (
    select
        routed_calls.trace_id,
        routed_calls.span_id,
        calls.request_model,
        min(calls.model_id) as model_id,
        calls.usage_date
    from routed_calls
    inner join calls on routed_calls.call_id = calls.call_id
    group by routed_calls.trace_id, routed_calls.span_id, calls.request_model, calls.usage_date
),

decisions_resolved as (
    select
        decisions.trace_id,
        decisions.span_id,
        coalesce(feature_aliases.feature_id, decisions.named_feature_id, 'unattributed') as feature_id,
        coalesce(decisions.policy, 'unknown') as policy_id,
        coalesce(first_models.model_id, decisions.first_model, 'unknown') as first_model_id,
        coalesce(models.model_id, decisions.model, 'unknown') as model_id,
        coalesce(decisions.task_type, 'unknown') as task_type,
        coalesce(decisions.policy_version, 'unknown') as policy_version,
        coalesce(decisions.strategy, 'unknown') as strategy,
        coalesce(decisions.reason, 'unknown') as reason,
        coalesce(decisions.tier, 'unknown') as tier,
        decisions.attempt_count,
        decisions.confidence,
        decisions.estimated_cost_usd,
        decisions.capable_cost_usd,
        decisions.duration_ms,
        decisions.is_escalated,
        decisions.is_fallback,
        coalesce(decisions.is_escalated, false)
        or (
            not decisions.is_fallback
            and (coalesce(decisions.strategy, '') = 'confidence' or decisions.confidence is not null)
        ) as could_escalate,
        decisions.usage_date
    from decisions
    left join models_of_decisions as first_models
        on
            decisions.trace_id = first_models.trace_id
            and decisions.span_id = first_models.span_id
            and decisions.first_model = first_models.request_model
            and decisions.usage_date = first_models.usage_date
    left join models_of_decisions as models
        on
            decisions.trace_id = models.trace_id
            and decisions.span_id = models.span_id
            and decisions.model = models.request_model
            and decisions.usage_date = models.usage_date
    left join feature_aliases
        on
            decisions.named_feature_id = feature_aliases.alias
            and (decisions.usage_date >= feature_aliases.valid_from or feature_aliases.valid_from is null)
            and (decisions.usage_date < feature_aliases.valid_to or feature_aliases.valid_to is null)
)

select * from decisions_resolved
order by usage_date
