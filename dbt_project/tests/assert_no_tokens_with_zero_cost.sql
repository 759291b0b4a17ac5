{# Usage without a cost, or with one of 0, has a reason; a reason and a cost exclude each other. #}
with

calls as (
    select
        call_id as row_id,
        estimated_cost_usd,
        cost_reason
    from {{ ref('fct_llm_calls') }}
    where
        (
            coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(search_unit_count, 0) > 0
            and coalesce(estimated_cost_usd, 0) = 0
            and cost_reason is null
        )
        or (estimated_cost_usd is not null and cost_reason is not null)
        or (estimated_cost_usd is null and cost_reason is null)
),

allocated_costs as (
    select
        concat_ws('|', usage_date, feature_id, model_id, attribution) as row_id,
        allocated_cost_usd,
        unattributed_reason
    from {{ ref('fct_daily_allocated_costs') }}
    where
        unattributed_reason is null
        and (
            allocated_cost_usd is null
            -- Below a micro-dollar a share may round to 0, and a bill may charge nothing, in a free tier for example.
            or (cost_status = 'estimated' and allocated_cost_usd = 0 and estimated_cost_usd >= 0.000001)
        )
)

select * from calls
union all
select * from allocated_costs
