{#
    Grain: one row per usage_date and service_name.

    Usage only; `unknown` holds what nobody traced, so nothing is missing from the sum.
#}
with

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

costs_summed as (
    select
        service_name,
        {{ summed_costs() }},
        -- What a tag or a principal named did not call. What was traced did, in a batch maybe on the day before.
        cast(
            count(distinct feature_id) filter (where attribution = 'traced' or request_count > 0) as bigint
        ) as calling_feature_count,
        usage_date
    from allocated_costs
    group by service_name, usage_date
),

service_costs as (
    select
        service_name,
        cost_status,
        request_count,
        calling_feature_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        {{ usd_per('allocated_cost_usd', 'request_count') }} as cost_usd_per_request,
        usage_date
    from costs_summed
)

select * from service_costs
