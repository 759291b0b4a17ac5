{#
    Grain: one row per usage_date, charge_category, feature_id, pipeline_id, service_name, provider_name, billing_account_id,
    model_id, model_tier, task_type, attribution, unattributed_reason, cost_status, corrected_month and corrected_charge_category.

    A closed period is what it was when it closed, whatever the lake says of it by now; what came later is a correction on the first day
    of the open month.
#}
with

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
),

newest_costs as (
    select * from {{ ref('int_daily_costs_allocated') }}
),

closed_costs as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        corrected_charge_category,
        model_id,
        model_tier,
        attribution,
        unattributed_reason,
        cost_status,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        usage_date,
        corrected_month
    from {{ ref('stg_closed_periods__daily_costs') }}
),

corrections as (
    select * from {{ ref('int_closed_costs_corrected') }}
),

model_tiers as (
    select
        provider_name,
        model_id,
        model_tier
    from {{ ref('model_tiers') }}
),

correction_rows as (
    select
        'not_allocated' as feature_id,
        'unknown' as pipeline_id,
        corrections.billing_account_id,
        'unknown' as service_name,
        'unknown' as task_type,
        corrections.provider_name,
        'correction' as charge_category,
        corrections.corrected_charge_category,
        corrections.model_id,
        coalesce(model_tiers.model_tier, 'unknown') as model_tier,
        'correction' as attribution,
        corrections.unattributed_reason,
        'billed' as cost_status,
        corrections.request_count,
        corrections.input_tokens,
        corrections.output_tokens,
        cast(0 as bigint) as unknown_cost_call_count,
        cast(0 as bigint) as unknown_cost_tokens,
        corrections.estimated_cost_usd,
        corrections.allocated_cost_usd,
        corrections.open_month as usage_date,
        corrections.corrected_month
    from corrections
    left join model_tiers
        on corrections.provider_name = model_tiers.provider_name and corrections.model_id = model_tiers.model_id
),

newest_rows as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        cast(null as string) as corrected_charge_category,
        model_id,
        model_tier,
        attribution,
        unattributed_reason,
        cost_status,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        usage_date,
        cast(null as date) as corrected_month
    from newest_costs
    union all
    select * from correction_rows
),

open_rows as (
    select
        newest_rows.feature_id,
        newest_rows.pipeline_id,
        newest_rows.billing_account_id,
        newest_rows.service_name,
        newest_rows.task_type,
        newest_rows.provider_name,
        newest_rows.charge_category,
        newest_rows.corrected_charge_category,
        newest_rows.model_id,
        newest_rows.model_tier,
        newest_rows.attribution,
        newest_rows.unattributed_reason,
        case when periods.usage_month is not null then 'final' else newest_rows.cost_status end as cost_status,
        newest_rows.request_count,
        newest_rows.input_tokens,
        newest_rows.output_tokens,
        newest_rows.unknown_cost_call_count,
        newest_rows.unknown_cost_tokens,
        newest_rows.estimated_cost_usd,
        newest_rows.allocated_cost_usd,
        newest_rows.usage_date,
        newest_rows.corrected_month
    from newest_rows
    left join periods
        on
            newest_rows.provider_name = periods.provider_name
            and newest_rows.billing_account_id = periods.billing_account_id
            and newest_rows.usage_date >= periods.usage_month
            and newest_rows.usage_date < periods.end_date
    where not coalesce(periods.is_frozen, false)
),

daily_allocated_costs as (
    select * from open_rows
    union all
    select * from closed_costs
)

select * from daily_allocated_costs
