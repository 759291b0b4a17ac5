{# Grain: one row per feature_id and budget_month. #}
with

budgets as (
    select * from {{ source('analysis', 'budgets') }}
),

budgets_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(status as string) as status,
        cast(projection_status as string) as projection_status,
        cast(method as string) as method,
        cast(error_horizon as string) as error_horizon,
        cast(owner as string) as owner,
        cast(reason as string) as reason,
        cast(month_number as bigint) as month_number,
        cast(budget_cost_usd as decimal(18, 6)) as budget_cost_usd,
        cast(actual_cost_usd as decimal(18, 6)) as actual_cost_usd,
        cast(projected_cost_usd as decimal(18, 6)) as projected_cost_usd,
        cast(low_cost_usd as decimal(18, 6)) as low_cost_usd,
        cast(high_cost_usd as decimal(18, 6)) as high_cost_usd,
        cast(budget_used_ratio as double) as budget_used_ratio,
        cast(projected_budget_ratio as double) as projected_budget_ratio,
        cast(wape_ratio as double) as wape_ratio,
        cast(error_origin_count as bigint) as error_origin_count,
        cast(days_until_exceeded as bigint) as days_until_exceeded,
        cast(least_days_until_exceeded as bigint) as least_days_until_exceeded,
        cast(most_days_until_exceeded as bigint) as most_days_until_exceeded,
        cast(exceeded_date as date) as exceeded_date,
        cast(earliest_exceeded_date as date) as earliest_exceeded_date,
        cast(latest_exceeded_date as date) as latest_exceeded_date,
        cast(budget_month as date) as budget_month,
        cast(as_of_date as date) as as_of_date
    from budgets
)

select * from budgets_typed
