{#
    Grain: one row per feature_id and budget_month, the month under way and the six after it; feature_id `total` is all
    features together.
#}
with

budgets as (
    select
        feature_id,
        status,
        projection_status,
        method,
        error_horizon,
        owner,
        reason,
        month_number,
        budget_cost_usd,
        actual_cost_usd,
        projected_cost_usd,
        low_cost_usd,
        high_cost_usd,
        budget_used_ratio,
        projected_budget_ratio,
        wape_ratio,
        error_origin_count,
        days_until_exceeded,
        least_days_until_exceeded,
        most_days_until_exceeded,
        exceeded_date,
        earliest_exceeded_date,
        latest_exceeded_date,
        budget_month,
        as_of_date
    from {{ ref('stg_analysis__budgets') }}
)

select * from budgets
