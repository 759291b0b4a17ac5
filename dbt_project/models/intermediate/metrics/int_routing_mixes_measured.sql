{#
    Grain: one row per usage_date, feature_id, tier (dimension) and metric_name; feature_id `total` is all features together.

    Share of generating calls, and of the cost of usage, by model tier. The tiers of a mix add up to 1; models that are not routed
    are on neither side.
#}
with

generating_calls as (
    select
        feature_id,
        model_tier,
        usage_date
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

allocated_costs as (
    select
        feature_id,
        model_tier,
        allocated_cost_usd,
        usage_date
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
),

-- These tiers have a row in every mix; a word that only spans say has one where they say it.
tiers as (
    select model_tier
    from {{ ref('model_tiers') }}
    where model_tier != 'not_routed'
    union
    select 'unknown' as model_tier
),

calls_summed as (
    select
        feature_id,
        model_tier,
        count(*) as call_count,
        usage_date
    from generating_calls
    group by usage_date, feature_id, model_tier
),

calls_with_total as (
    select * from calls_summed
    union all
    select
        'total' as feature_id,
        model_tier,
        call_count,
        usage_date
    from calls_summed
),

calls_by_tier as (
    select
        feature_id,
        model_tier,
        sum(call_count) as call_count,
        usage_date
    from calls_with_total
    where model_tier != 'not_routed'
    group by usage_date, feature_id, model_tier
),

calls_by_feature as (
    select
        feature_id,
        sum(call_count) as call_count,
        coalesce(sum(call_count) filter (where model_tier = 'unknown'), 0) as unknown_call_count,
        usage_date
    from calls_by_tier
    group by usage_date, feature_id
),

tiers_of_calls as (
    select
        calls_by_feature.usage_date,
        calls_by_feature.feature_id,
        tiers.model_tier
    from calls_by_feature
    cross join tiers
    union
    select
        usage_date,
        feature_id,
        model_tier
    from calls_by_tier
),

routing_mix_call_ratio as (
    select
        tiers_of_calls.feature_id,
        'tier=' || tiers_of_calls.model_tier as dimension,
        'routing_mix_call_ratio' as metric_name,
        cast(coalesce(calls_by_tier.call_count, 0) as double) as numerator,
        cast(calls_by_feature.call_count as double) as denominator,
        cast(calls_by_feature.call_count as bigint) as sample_count,
        cast(calls_by_feature.call_count as bigint) as considered_count,
        {{ ratio('calls_by_feature.unknown_call_count', 'calls_by_feature.call_count') }} as unknown_ratio,
        tiers_of_calls.usage_date
    from tiers_of_calls
    inner join calls_by_feature
        on
            tiers_of_calls.usage_date = calls_by_feature.usage_date
            and tiers_of_calls.feature_id = calls_by_feature.feature_id
    left join calls_by_tier
        on
            tiers_of_calls.usage_date = calls_by_tier.usage_date
            and tiers_of_calls.feature_id = calls_by_tier.feature_id
            and tiers_of_calls.model_tier = calls_by_tier.model_tier
),

costs_with_total as (
    select * from allocated_costs
    union all
    select
        'total' as feature_id,
        model_tier,
        allocated_cost_usd,
        usage_date
    from allocated_costs
),

costs_by_tier as (
    select
        feature_id,
        model_tier,
        sum(allocated_cost_usd) as cost_usd,
        usage_date
    from costs_with_total
    where model_tier != 'not_routed'
    group by usage_date, feature_id, model_tier
),

costs_by_feature as (
    select
        feature_id,
        sum(cost_usd) as cost_usd,
        usage_date
    from costs_by_tier
    group by usage_date, feature_id
),

tiers_of_costs as (
    select
        costs_by_feature.usage_date,
        costs_by_feature.feature_id,
        tiers.model_tier
    from costs_by_feature
    cross join tiers
    union
    select
        usage_date,
        feature_id,
        model_tier
    from costs_by_tier
),

routing_mix_spend_ratio as (
    select
        tiers_of_costs.feature_id,
        'tier=' || tiers_of_costs.model_tier as dimension,
        'routing_mix_spend_ratio' as metric_name,
        -- No row is no cost; a row without a cost is one that nobody knows.
        cast(case when costs_by_tier.usage_date is null then 0 else costs_by_tier.cost_usd end as double) as numerator,
        cast(costs_by_feature.cost_usd as double) as denominator,
        cast(coalesce(calls_by_feature.call_count, 0) as bigint) as sample_count,
        cast(coalesce(calls_by_feature.call_count, 0) as bigint) as considered_count,
        {{ ratio('calls_by_feature.unknown_call_count', 'calls_by_feature.call_count') }} as unknown_ratio,
        tiers_of_costs.usage_date
    from tiers_of_costs
    inner join costs_by_feature
        on
            tiers_of_costs.usage_date = costs_by_feature.usage_date
            and tiers_of_costs.feature_id = costs_by_feature.feature_id
    left join costs_by_tier
        on
            tiers_of_costs.usage_date = costs_by_tier.usage_date
            and tiers_of_costs.feature_id = costs_by_tier.feature_id
            and tiers_of_costs.model_tier = costs_by_tier.model_tier
    left join calls_by_feature
        on
            tiers_of_costs.usage_date = calls_by_feature.usage_date
            and tiers_of_costs.feature_id = calls_by_feature.feature_id
),

routing_mixes_measured as (
    select * from routing_mix_call_ratio
    union all
    select * from routing_mix_spend_ratio
)

select * from routing_mixes_measured
