{# Grain: as fct_daily_allocated_costs, whose rows of closed periods these are. #}
with

daily_costs as (
    select * from {{ source('closed_periods', 'daily_costs') }}
),

daily_costs_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(pipeline_id as string) as pipeline_id,
        cast(billing_account_id as string) as billing_account_id,
        cast(service_name as string) as service_name,
        cast(task_type as string) as task_type,
        cast(provider_name as string) as provider_name,
        cast(charge_category as string) as charge_category,
        cast(corrected_charge_category as string) as corrected_charge_category,
        cast(model_id as string) as model_id,
        cast(model_tier as string) as model_tier,
        cast(attribution as string) as attribution,
        cast(unattributed_reason as string) as unattributed_reason,
        cast(cost_status as string) as cost_status,
        cast(request_count as bigint) as request_count,
        cast(input_tokens as bigint) as input_tokens,
        cast(output_tokens as bigint) as output_tokens,
        cast(unknown_cost_call_count as bigint) as unknown_cost_call_count,
        cast(unknown_cost_tokens as bigint) as unknown_cost_tokens,
        cast(estimated_cost_usd as decimal(18, 6)) as estimated_cost_usd,
        cast(allocated_cost_usd as decimal(18, 6)) as allocated_cost_usd,
        cast(usage_date as date) as usage_date,
        cast(corrected_month as date) as corrected_month
    from daily_costs
)

select * from daily_costs_typed
