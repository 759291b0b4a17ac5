{#
    Grain: one row per usage_date, a covered day, and feature_id from its first day on; feature_id `total` is all features together.
    Usage charges only. A day that is not covered has no row.
#}
with

baselines as (
    select
        feature_id,
        baseline_kind,
        status,
        reason,
        cost_status,
        allocated_cost_usd,
        baseline_cost_usd,
        excess_cost_usd,
        baseline_ratio,
        baseline_day_count,
        anomaly_day_number,
        is_anomaly,
        usage_date,
        anomaly_start_date
    from {{ ref('stg_analysis__daily_cost_baselines') }}
)

select * from baselines
