{#
    Grain: one row per usage_date, feature_id, pipeline_id, service_name, model_id, journey_name and prompt_version.

    What the calls of a caller are made of, on the day of the call; what they pay is fct_daily_allocated_costs' to say.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select
        feature_id,
        pipeline_id,
        service_name,
        model_id,
        journey_name,
        prompt_version,
        input_tokens,
        output_tokens,
        allocated_cost_usd,
        -- Usage without a price, on a day without a bill: nobody knows what it costs.
        coalesce(cost_reason in ('no_price', 'unknown_model'), false) and cost_status = 'estimated' as is_cost_unknown,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where {{ is_on_changed_day() }}
),

call_groups_summed as (
    select
        feature_id,
        pipeline_id,
        service_name,
        model_id,
        journey_name,
        prompt_version,
        count(*) as request_count,
        cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
        cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
        count(*) filter (where is_cost_unknown) as unknown_cost_call_count,
        cast(
            coalesce(
                sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (where is_cost_unknown), 0
            ) as bigint
        ) as unknown_cost_tokens,
        cast(sum(allocated_cost_usd) as decimal(38, 12)) as allocated_cost_usd,
        usage_date
    from calls
    group by feature_id, pipeline_id, service_name, model_id, journey_name, prompt_version, usage_date
)

select * from call_groups_summed
