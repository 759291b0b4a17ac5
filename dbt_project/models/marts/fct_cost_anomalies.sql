{# Grain: one row per usage_date and feature_id whose cost is an anomaly: one alert. `total` is all features. #}
with

baselines as (
    select * from {{ ref('fct_daily_cost_baselines') }}
    where is_anomaly
),

drivers as (
    select * from {{ ref('fct_cost_anomaly_drivers') }}
),

features as (
    select
        feature_id,
        owner
    from {{ ref('features') }}
),

rules as (
    select
        feature_id,
        owner
    from {{ ref('anomaly_rules') }}
),

main_drivers_ranked as (
    select
        feature_id,
        driver,
        detail,
        contribution_cost_usd,
        usage_date,
        row_number() over (
            partition by usage_date, feature_id
            order by contribution_cost_usd desc, driver asc, detail asc
        ) as driver_rank
    from drivers
    -- Only what raised the cost can be why it is high.
    where contribution_cost_usd > 0
),

-- Seen from today: a spike is told to be one on its own day, and whether it stayed is known two days later.
steps as (
    select
        feature_id,
        anomaly_start_date
    from baselines
    where status = 'step'
),

cost_anomalies as (
    select
        'cost_anomaly_' || baselines.feature_id || '_' || cast(baselines.usage_date as string) as alert_id,
        baselines.feature_id,
        baselines.baseline_kind,
        baselines.status,
        baselines.reason,
        baselines.cost_status,
        main_drivers_ranked.driver as main_driver,
        main_drivers_ranked.detail as main_driver_detail,
        coalesce(features.owner, rules.owner, rules_of_all.owner, 'unknown') as owner,
        baselines.allocated_cost_usd,
        baselines.baseline_cost_usd,
        baselines.excess_cost_usd,
        baselines.baseline_ratio,
        main_drivers_ranked.contribution_cost_usd as main_driver_cost_usd,
        baselines.baseline_day_count,
        baselines.anomaly_day_number,
        steps.feature_id is not null as is_of_step,
        baselines.usage_date,
        baselines.anomaly_start_date
    from baselines
    left join main_drivers_ranked
        on
            baselines.usage_date = main_drivers_ranked.usage_date
            and baselines.feature_id = main_drivers_ranked.feature_id
            and main_drivers_ranked.driver_rank = 1
    left join steps
        on
            baselines.feature_id = steps.feature_id
            and baselines.anomaly_start_date = steps.anomaly_start_date
    left join features on baselines.feature_id = features.feature_id
    left join rules on baselines.feature_id = rules.feature_id
    left join rules as rules_of_all on rules_of_all.feature_id = '*'
)

select * from cost_anomalies
