{# Grain: one row per usage_date and feature_id. #}
with

baselines as (
    select * from {{ source('analysis', 'daily_cost_baselines') }}
),

baselines_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(baseline_kind as string) as baseline_kind,
        cast(status as string) as status,
        cast(reason as string) as reason,
        cast(cost_status as string) as cost_status,
        cast(allocated_cost_usd as decimal(18, 6)) as allocated_cost_usd,
        cast(baseline_cost_usd as decimal(18, 6)) as baseline_cost_usd,
        cast(excess_cost_usd as decimal(18, 6)) as excess_cost_usd,
        cast(baseline_ratio as double) as baseline_ratio,
        cast(baseline_day_count as bigint) as baseline_day_count,
        cast(anomaly_day_number as bigint) as anomaly_day_number,
        cast(is_anomaly as boolean) as is_anomaly,
        cast(usage_date as date) as usage_date,
        cast(anomaly_start_date as date) as anomaly_start_date
    from baselines
)

select * from baselines_typed
