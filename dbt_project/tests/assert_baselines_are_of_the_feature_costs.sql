{#
    A day's cost beside its baseline is what the feature cost: where fct_daily_feature_costs has a known cost on a covered day, the two are
    equal, and a day without a row there cost nothing. `total` is the sum.
#}
with

costs as (
    select
        usage_date,
        feature_id,
        allocated_cost_usd
    from {{ ref('fct_daily_feature_costs') }}
    union all
    select
        usage_date,
        'total' as feature_id,
        sum(allocated_cost_usd) as allocated_cost_usd
    from {{ ref('fct_daily_feature_costs') }}
    group by usage_date
),

baselines as (
    select
        usage_date,
        feature_id,
        status,
        allocated_cost_usd
    from {{ ref('fct_daily_cost_baselines') }}
)

select
    baselines.usage_date,
    baselines.feature_id,
    baselines.allocated_cost_usd,
    costs.allocated_cost_usd as feature_cost_usd
from baselines
left join costs on baselines.usage_date = costs.usage_date and baselines.feature_id = costs.feature_id
where
    case
        when baselines.status = 'cost_not_known' then baselines.allocated_cost_usd is not null
        else baselines.allocated_cost_usd is distinct from coalesce(costs.allocated_cost_usd, 0)
    end
