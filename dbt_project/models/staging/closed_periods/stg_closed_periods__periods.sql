{# Grain: one row per provider_name, billing_account_id and usage_month that is final. #}
with

periods as (
    select * from {{ source('closed_periods', 'periods') }}
),

periods_typed as (
    select
        cast(billing_account_id as string) as billing_account_id,
        cast(provider_name as string) as provider_name,
        cast(rule as string) as rule,
        cast(version as bigint) as version,
        cast(is_frozen as boolean) as is_frozen,
        cast(usage_month as date) as usage_month,
        cast(cast(usage_month as date) + interval 1 month as date) as end_date,
        cast(closed_at as date) as closed_at_date
    from periods
)

select * from periods_typed
