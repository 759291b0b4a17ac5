{# Grain: one row per usage_date, pipeline_id and feature_id: which shared code is reused by whom. Usage only. #}
with

allocated_costs as (
    select * from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

costs_summed as (
    select
        pipeline_id,
        feature_id,
        {{ summed_costs() }},
        usage_date
    from allocated_costs
    group by pipeline_id, feature_id, usage_date
),

costs_beside_pipeline as (
    select
        *,
        cast(sum(allocated_cost_usd) over pipeline_day as decimal(18, 6)) as pipeline_cost_usd,
        cast(
            -- Without a request, `unknown` is what a tag or principal named, and others are batches of the day before.
            count(*) filter (
                where feature_id != 'unattributed' and (request_count > 0 or pipeline_id != 'unknown')
            ) over pipeline_day as bigint
        ) as pipeline_feature_count
    from costs_summed
    window pipeline_day as (partition by pipeline_id, usage_date)
),

pipeline_costs as (
    select
        pipeline_id,
        feature_id,
        cost_status,
        request_count,
        input_tokens,
        output_tokens,
        unknown_cost_call_count,
        unknown_cost_tokens,
        estimated_cost_usd,
        allocated_cost_usd,
        {{ usd_per('allocated_cost_usd', 'request_count') }} as cost_usd_per_request,
        pipeline_feature_count,
        pipeline_cost_usd,
        {{ ratio('allocated_cost_usd', 'pipeline_cost_usd') }} as pipeline_cost_share_ratio,
        usage_date
    from costs_beside_pipeline
)

select * from pipeline_costs
