{# Grain: one row per LLM call; call_id. #}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select * from {{ ref('int_llm_calls_resolved') }}
    where {{ is_on_changed_day() }}
),

costs as (
    select * from {{ ref('int_llm_call_costs_allocated') }}
    where {{ is_on_changed_day('call_date') }}
),

-- Beside costs, because what is read by two is held in memory for both.
catalogs as (
    select
        call_id,
        price_catalog,
        price_catalog_version
    from {{ ref('int_llm_call_costs_allocated') }}
    where {{ is_on_changed_day('call_date') }}
),

billed_days as (
    select * from {{ ref('int_account_days_billed') }}
),

costs_summed_to_call as (
    select
        call_id,
        any_value(price_catalog) as price_catalog,
        any_value(price_catalog_version) as price_catalog_version,
        -- By a number: to hold texts against each other for each call takes several times as long.
        min({{ hashed(['price_catalog', 'price_catalog_version']) }})
        != max({{ hashed(['price_catalog', 'price_catalog_version']) }}) as has_several_catalogs,
        sum(estimated_cost_usd) as estimated_cost_usd,
        sum(allocated_cost_usd) as allocated_cost_usd,
        bool_and(estimated_cost_usd is not null) as is_priced,
        bool_or(cost_status = 'estimated') as is_estimated
    from costs
    group by call_id
),

-- Few calls are priced by two; to put the names of one together for each call would take longer than all else here.
catalogs_named_together as (
    select
        call_id,
        {{ joined_distinct('price_catalog') }} as price_catalog,
        {{ joined_distinct('price_catalog_version') }} as price_catalog_version
    from catalogs
    where
        call_id in (
            select costs_summed_to_call.call_id from costs_summed_to_call
            where costs_summed_to_call.has_several_catalogs
        )
    group by call_id
),

calls_with_cost_reason as (
    select
        calls.*,
        coalesce(catalogs_named_together.price_catalog, costs_summed_to_call.price_catalog) as price_catalog,
        coalesce(
            catalogs_named_together.price_catalog_version, costs_summed_to_call.price_catalog_version
        ) as price_catalog_version,
        costs_summed_to_call.estimated_cost_usd,
        costs_summed_to_call.allocated_cost_usd,
        -- Of its parts, which may count on a later day than a call in batch began; without any, of its day.
        case
            when coalesce(costs_summed_to_call.is_estimated, billed_days.usage_date is null) then 'estimated'
            else 'billed'
        end as cost_status,
        case
            -- Usage told in part is a gap, not a small number.
            when not calls.has_usage then 'no_usage'
            when costs_summed_to_call.is_priced is null or costs_summed_to_call.is_priced then null
            when not calls.is_known_model then 'unknown_model'
            else 'no_price'
        end as cost_reason
    from calls
    left join costs_summed_to_call on calls.call_id = costs_summed_to_call.call_id
    left join catalogs_named_together on calls.call_id = catalogs_named_together.call_id
    left join billed_days
        on
            calls.provider_name = billed_days.provider_name
            and calls.billing_account_id = billed_days.billing_account_id
            and calls.usage_date = billed_days.usage_date
),

llm_calls as (
    select
        call_id,
        trace_id,
        span_id,
        feature_id,
        pipeline_id,
        billing_account_id as account_id,
        journey_id,
        user_id,
        model_id,
        journey_name,
        service_name,
        task_type,
        operation_name,
        provider_name,
        request_model,
        model_tier,
        region_scope,
        processing,
        dialect,
        prompt_version,
        price_catalog,
        price_catalog_version,
        cost_reason,
        cost_status,
        feature_reason,
        uncached_input_tokens,
        cache_read_input_tokens,
        cache_write_5m_input_tokens,
        cache_write_1h_input_tokens,
        output_tokens,
        reasoning_output_tokens,
        search_unit_count,
        input_tokens,
        retry_count,
        time_to_first_token_ms,
        -- A call whose usage is known and zero costs nothing; one of unknown usage or price has no cost.
        cast(
            case when cost_reason is null then coalesce(estimated_cost_usd, 0) end as decimal(38, 12)
        ) as estimated_cost_usd,
        cast(
            case
                when cost_status = 'billed' then coalesce(allocated_cost_usd, 0)
                when cost_reason is null then coalesce(allocated_cost_usd, estimated_cost_usd, 0)
            end as decimal(38, 12)
        ) as allocated_cost_usd,
        {{ milliseconds_between('started_at', 'ended_at') }} as duration_ms,
        has_usage,
        operation_name in ('chat', 'text_completion', 'generate_content') as is_generating,
        is_error,
        usage_date,
        started_at,
        ended_at
    from calls_with_cost_reason
)

select * from llm_calls
