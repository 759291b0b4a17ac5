{# Grain: one row per as_of_date and opportunity_id. #}
with

savings as (
    select * from {{ source('analysis', 'savings') }}
),

savings_typed as (
    select
        cast(opportunity_id as string) as opportunity_id,
        cast(feature_id as string) as feature_id,
        cast(current_model_id as string) as current_model_id,
        cast(target_model_id as string) as target_model_id,
        cast(lever as string) as lever,
        cast(task_type as string) as task_type,
        cast(evidence as string) as evidence,
        cast(missing_evidence as string) as missing_evidence,
        cast(effort as string) as effort,
        cast(owner as string) as owner,
        cast(ratio_name as string) as ratio_name,
        cast(status as string) as status,
        cast(reason as string) as reason,
        cast(current_cost_usd_per_month as decimal(18, 6)) as current_cost_usd_per_month,
        cast(target_cost_usd_per_month as decimal(18, 6)) as target_cost_usd_per_month,
        cast(saving_usd_per_month as decimal(18, 6)) as saving_usd_per_month,
        cast(low_saving_usd_per_month as decimal(18, 6)) as low_saving_usd_per_month,
        cast(high_saving_usd_per_month as decimal(18, 6)) as high_saving_usd_per_month,
        cast(upfront_cost_usd as decimal(18, 6)) as upfront_cost_usd,
        cast(break_even_weeks as double) as break_even_weeks,
        cast(ratio as double) as ratio,
        cast(break_even_ratio as double) as break_even_ratio,
        cast(head_ratio as double) as head_ratio,
        cast(torso_ratio as double) as torso_ratio,
        cast(tail_ratio as double) as tail_ratio,
        cast(agreement_ratio as double) as agreement_ratio,
        cast(agreement_sample_count as bigint) as agreement_sample_count,
        cast(rank as bigint) as rank,
        cast(is_measured as boolean) as is_measured,
        cast(as_of_date as date) as as_of_date
    from savings
)

select * from savings_typed
