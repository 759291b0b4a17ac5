{# Grain: one row per as_of_date and opportunity_id. #}
with

savings as (
    select * from {{ source('analysis', 'savings') }}
),

savings_typed as (
    select
        cast(opportunity_id as varchar) as opportunity_id,
        cast(feature_id as varchar) as feature_id,
        cast(current_model_id as varchar) as current_model_id,
        cast(target_model_id as varchar) as target_model_id,
        cast(lever as varchar) as lever,
        cast(task_type as varchar) as task_type,
        cast(evidence as varchar) as evidence,
        cast(missing_evidence as varchar) as missing_evidence,
        cast(effort as varchar) as effort,
        cast(owner as varchar) as owner,
        cast(status as varchar) as status,
        cast(reason as varchar) as reason,
        cast(current_cost_usd_per_month as decimal(18, 6)) as current_cost_usd_per_month,
        cast(target_cost_usd_per_month as decimal(18, 6)) as target_cost_usd_per_month,
        cast(saving_usd_per_month as decimal(18, 6)) as saving_usd_per_month,
        cast(low_saving_usd_per_month as decimal(18, 6)) as low_saving_usd_per_month,
        cast(high_saving_usd_per_month as decimal(18, 6)) as high_saving_usd_per_month,
        cast(agreement_ratio as double) as agreement_ratio,
        cast(agreement_sample_count as bigint) as agreement_sample_count,
        cast(rank as bigint) as rank,
        cast(as_of_date as date) as as_of_date
    from savings
)

select * from savings_typed
