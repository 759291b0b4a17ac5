{# Grain: one row per as_of_date, feature_id and strategy. #}
with

advice as (
    select * from {{ source('analysis', 'caching_advice') }}
),

advice_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(strategy as string) as strategy,
        cast(diversity_basis as string) as diversity_basis,
        cast(implementation_effort as string) as implementation_effort,
        cast(maintenance_effort as string) as maintenance_effort,
        cast(expected_ratio_name as string) as expected_ratio_name,
        cast(reason as string) as reason,
        cast(query_count as bigint) as query_count,
        cast(training_pair_count as bigint) as training_pair_count,
        cast(query_diversity_ratio as double) as query_diversity_ratio,
        cast(drift_ratio as double) as drift_ratio,
        cast(expected_ratio as double) as expected_ratio,
        cast(break_even_ratio as double) as break_even_ratio,
        cast(default_break_even_ratio as double) as default_break_even_ratio,
        cast(latency_change_ms as double) as latency_change_ms,
        cast(implementation_person_days as double) as implementation_person_days,
        cast(maintenance_person_days_per_month as double) as maintenance_person_days_per_month,
        cast(saving_usd_per_month as decimal(18, 6)) as saving_usd_per_month,
        cast(low_saving_usd_per_month as decimal(18, 6)) as low_saving_usd_per_month,
        cast(high_saving_usd_per_month as decimal(18, 6)) as high_saving_usd_per_month,
        cast(upfront_cost_usd as decimal(18, 6)) as upfront_cost_usd,
        cast(break_even_weeks as double) as break_even_weeks,
        cast(is_measured as boolean) as is_measured,
        cast(is_recommended as boolean) as is_recommended,
        cast(is_rule_of_thumb as boolean) as is_rule_of_thumb,
        cast(differs_from_rule as boolean) as differs_from_rule,
        cast(as_of_date as date) as as_of_date
    from advice
)

select * from advice_typed
