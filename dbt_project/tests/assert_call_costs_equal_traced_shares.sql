{# What the calls of a caller pay of a cell is what the caller pays of it, to the pico-dollar. #}
with

costs_of_calls as (
    select
        costs.usage_date,
        calls.provider_name,
        calls.billing_account_id,
        calls.model_id,
        costs.token_class,
        calls.region_scope,
        calls.processing,
        calls.feature_id,
        calls.pipeline_id,
        calls.service_name,
        calls.task_type,
        sum(costs.allocated_cost_usd) as allocated_cost_usd
    from {{ ref('int_llm_call_costs_allocated') }} as costs
    inner join {{ ref('int_llm_calls_resolved') }} as calls on costs.call_id = calls.call_id
    group by all
),

calls as (
    select
        {{ cell_id() }} as cell_id,
        feature_id,
        pipeline_id,
        service_name,
        task_type,
        allocated_cost_usd
    from costs_of_calls
),

callers as (
    select
        cell_id,
        feature_id,
        pipeline_id,
        service_name,
        task_type,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('int_billing_cells_allocated') }}
    -- What was traced without a feature is unattributed, and has no owner either; so is what nobody traced.
    where attribution = 'traced' or unattributed_reason = 'no_feature'
    group by all
)

select
    coalesce(calls.cell_id, callers.cell_id) as cell_id,
    coalesce(calls.feature_id, callers.feature_id) as feature_id,
    calls.allocated_cost_usd as call_cost_usd,
    callers.allocated_cost_usd as caller_cost_usd
from calls
full join callers
    on
        calls.cell_id = callers.cell_id
        and calls.feature_id = callers.feature_id
        and calls.pipeline_id = callers.pipeline_id
        and calls.service_name = callers.service_name
        and calls.task_type = callers.task_type
where calls.allocated_cost_usd is distinct from callers.allocated_cost_usd
