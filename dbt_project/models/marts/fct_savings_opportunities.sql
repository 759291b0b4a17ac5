{# Grain: one row per as_of_date and opportunity_id. #}
with

savings as (
    select
        opportunity_id,
        feature_id,
        current_model_id,
        target_model_id,
        lever,
        task_type,
        evidence,
        missing_evidence,
        effort,
        owner,
        ratio_name,
        status,
        reason,
        current_cost_usd_per_month,
        target_cost_usd_per_month,
        saving_usd_per_month,
        low_saving_usd_per_month,
        high_saving_usd_per_month,
        upfront_cost_usd,
        break_even_weeks,
        ratio,
        break_even_ratio,
        head_ratio,
        torso_ratio,
        tail_ratio,
        agreement_ratio,
        agreement_sample_count,
        rank,
        is_measured,
        as_of_date
    from {{ ref('stg_analysis__savings') }}
)

select * from savings
