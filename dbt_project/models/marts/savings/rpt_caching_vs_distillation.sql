{#
    Grain: one row per as_of_date, feature_id and strategy.

    One strategy per feature is recommended: the one that saves most and can be relied on, else to keep things as they are.
#}
with

advice as (
    select
        feature_id,
        strategy,
        diversity_basis,
        implementation_effort,
        maintenance_effort,
        expected_ratio_name,
        reason,
        query_count,
        training_pair_count,
        query_diversity_ratio,
        drift_ratio,
        expected_ratio,
        break_even_ratio,
        default_break_even_ratio,
        latency_change_ms,
        implementation_person_days,
        maintenance_person_days_per_month,
        saving_usd_per_month,
        low_saving_usd_per_month,
        high_saving_usd_per_month,
        upfront_cost_usd,
        break_even_weeks,
        is_measured,
        is_recommended,
        is_rule_of_thumb,
        differs_from_rule,
        as_of_date
    from {{ ref('stg_analysis__caching_advice') }}
)

select * from advice
