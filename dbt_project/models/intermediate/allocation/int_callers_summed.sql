{#
    Grain: one row per caller of a cell: cell_id, feature_id, pipeline_id, service_name, task_type and model_tier.

    What was traced of each cell of the bill, whether the bill has that cell or not.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

usages as (
    select * from {{ ref('int_llm_call_usages_dated') }}
    where {{ is_on_changed_day() }}
),

callers_summed as (
    select
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        model_id,
        model_tier,
        token_class,
        region_scope,
        processing,
        sum(quantity) as quantity,
        sum(estimated_cost_usd) as estimated_cost_usd,
        bool_and(estimated_cost_usd is not null) as is_priced,
        bool_and(has_feature) as has_feature,
        usage_date
    from usages
    group by all
),

-- Of callers and not of their usages, which are many.
callers_with_cell as (
    select
        {{ cell_id() }} as cell_id,
        *
    from callers_summed
),

callers_with_weight as (
    select
        *,
        bool_and(is_priced) over (partition by cell_id)
        and sum(estimated_cost_usd) over (partition by cell_id) > 0 as is_weighed_by_cost
    from callers_with_cell
)

select * from callers_with_weight
