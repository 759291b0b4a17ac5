{#
    Grain: one row per usage_date, charge_category, feature_id, pipeline_id, service_name, provider_name, billing_account_id,
    model_id, model_tier, task_type, attribution, unattributed_reason and cost_status.

    Money is rounded to decimal(18, 6) here, once; billed rows are whole micro-dollars already.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

cells_allocated as (
    select * from {{ ref('int_billing_cells_allocated') }}
    where {{ is_on_changed_day() }}
),

calls as (
    select
        *,
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) as tokens,
        -- Usage without a price: until a bill says, nobody knows what it costs. Without usage there is nothing to cost.
        coalesce(cost_reason in ('no_price', 'unknown_model'), false) as is_cost_open
    from {{ ref('fct_llm_calls') }}
    where {{ is_on_changed_day() }}
),

billed_days as (
    select * from {{ ref('int_account_days_billed') }}
),

cost_rows as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        model_id,
        model_tier,
        attribution,
        unattributed_reason,
        cost_status,
        0 as request_count,
        case when token_class in ('output', 'unknown', 'not_applicable') then 0 else tokens end as input_tokens,
        case when token_class = 'output' then tokens else 0 end as output_tokens,
        0 as unknown_cost_call_count,
        -- Of a batch these are not known where they count, which may be another day than their call's.
        case
            when processing = 'batch' and charge_category = 'usage' and allocated_cost_usd is null then tokens else 0
        end as unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        usage_date
    from cells_allocated
),

-- A call is counted once, also where it has no usage to allocate anything by.
call_rows as (
    select
        calls.feature_id,
        calls.pipeline_id,
        calls.account_id as billing_account_id,
        calls.service_name,
        calls.task_type,
        calls.provider_name,
        'usage' as charge_category,
        calls.model_id,
        calls.model_tier,
        case when calls.feature_reason is null then 'traced' else 'unattributed' end as attribution,
        -- A reserved word names no feature either; which it was, the call says.
        case when calls.feature_reason is not null then 'no_feature' else calls.cost_reason end as unattributed_reason,
        -- A batch begun on a day without a bill is billed where all of it counts on later ones that have one.
        case
            when billed_days.usage_date is null and calls.cost_status = 'estimated' then 'estimated' else 'billed'
        end as cost_status,
        count(*) as request_count,
        0 as input_tokens,
        0 as output_tokens,
        count(*) filter (where calls.is_cost_open and calls.cost_status = 'estimated') as unknown_cost_call_count,
        coalesce(
            sum(calls.tokens) filter (
                where
                calls.is_cost_open
                and calls.cost_status = 'estimated'
                and calls.processing is distinct from 'batch'
            ),
            0
        ) as unknown_cost_tokens,
        cast(null as decimal(38, 12)) as estimated_cost_usd,
        -- The bill of a billed day is allocated in full, and none of it here; without a bill the cost is not known.
        cast(
            case when billed_days.usage_date is not null or calls.cost_status != 'estimated' then 0 end
            as decimal(38, 12)
        ) as allocated_cost_usd,
        calls.usage_date
    from calls
    left join billed_days
        on
            calls.provider_name = billed_days.provider_name
            and calls.account_id = billed_days.billing_account_id
            and calls.usage_date = billed_days.usage_date
    group by all
),

all_rows as (
    select * from cost_rows
    union all
    select * from call_rows
),

rows_with_callers_together as (
    select
        *,
        -- A traced caller is one row whatever became of its token classes; a reason is kept only where no cost is.
        case when attribution = 'traced' then 'traced' else coalesce(unattributed_reason, attribution) end as row_kind
    from all_rows
),

costs_summed as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        model_id,
        model_tier,
        attribution,
        max(unattributed_reason) as unattributed_reason,
        cost_status,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(unknown_cost_call_count) as bigint) as unknown_cost_call_count,
        cast(sum(unknown_cost_tokens) as bigint) as unknown_cost_tokens,
        cast(sum(estimated_cost_usd) as decimal(18, 6)) as estimated_cost_usd,
        cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
        usage_date
    from rows_with_callers_together
    group by
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        model_id,
        model_tier,
        attribution,
        cost_status,
        usage_date,
        row_kind
),

costs as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        model_id,
        model_tier,
        attribution,
        case
            when attribution = 'traced' and allocated_cost_usd != 0 then null
            else unattributed_reason
        end as unattributed_reason,
        cost_status,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        usage_date
    from costs_summed
)

select * from costs
