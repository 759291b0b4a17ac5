{#
    Grain: one row per week_start_date (Monday), feature_id, dimension and metric_name; feature_id `total` is all features
    together.
#}
with

metrics as (
    {% for metrics in ['metrics_summed', 'projections_compared', 'cost_shares_measured'] %}
    select * from {{ ref('int_weekly_' ~ metrics) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

weeks_covered as (
    select
        cast(date_trunc('week', covered_date) as date) as week_start_date,
        count(*) as covered_day_count
    from {{ ref('int_days_covered') }}
    group by date_trunc('week', covered_date)
),

weekly_metrics_unioned as (
    select
        metrics.feature_id,
        metrics.dimension,
        metrics.metric_name,
        metrics.validation,
        metrics.numerator,
        metrics.denominator,
        metrics.numerator / nullif(metrics.denominator, 0) as value,
        metrics.sample_count,
        metrics.considered_count,
        metrics.unknown_ratio,
        coalesce(weeks_covered.covered_day_count, 0) as covered_day_count,
        metrics.unknown_day_count,
        metrics.estimated_cost_ratio,
        metrics.cost_at_stake_usd,
        metrics.week_start_date
    from metrics
    left join weeks_covered on metrics.week_start_date = weeks_covered.week_start_date
)

select * from weekly_metrics_unioned
