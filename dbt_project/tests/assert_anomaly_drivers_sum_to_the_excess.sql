{# The drivers of an anomaly add up to its excess over the baseline, to the micro-dollar, and no other day has any. #}
with

anomalies as (
    select
        usage_date,
        feature_id,
        allocated_cost_usd - baseline_cost_usd as excess_cost_usd
    from {{ ref('fct_cost_anomalies') }}
),

drivers as (
    select
        usage_date,
        feature_id,
        sum(contribution_cost_usd) as contribution_cost_usd
    from {{ ref('fct_cost_anomaly_drivers') }}
    group by usage_date, feature_id
)

select
    coalesce(anomalies.usage_date, drivers.usage_date) as usage_date,
    coalesce(anomalies.feature_id, drivers.feature_id) as feature_id,
    anomalies.excess_cost_usd,
    drivers.contribution_cost_usd
from anomalies
full join drivers on anomalies.usage_date = drivers.usage_date and anomalies.feature_id = drivers.feature_id
where anomalies.excess_cost_usd is distinct from drivers.contribution_cost_usd
