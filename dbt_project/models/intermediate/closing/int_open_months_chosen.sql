{#
    Grain: one row per provider_name and billing_account_id with a closed period: the month that takes what comes later of it.

    The month after its last closed one, if the account is billed in it or closes it with this build. An account that is on no bill any
    more never closes that month, so the first month takes it that is open for every account of the provider which closes: it moves on
    before it could stand in a month that is final for all others.
#}
with

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
),

charges as (
    select * from {{ ref('int_billing_cells_summed') }}
),

own_months as (
    select
        billing_account_id,
        provider_name,
        max(end_date) as own_month,
        cast(max(end_date) + interval 1 month as date) as own_month_end
    from periods
    where is_frozen
    group by provider_name, billing_account_id
),

provider_months as (
    select
        provider_name,
        max(end_date) as provider_month
    from periods
    group by provider_name
),

months_billed as (
    select
        own_months.billing_account_id,
        own_months.provider_name
    from own_months
    inner join charges
        on
            own_months.provider_name = charges.provider_name
            and own_months.billing_account_id = charges.billing_account_id
            and own_months.own_month <= charges.usage_date
            and own_months.own_month_end > charges.usage_date
    union
    select
        own_months.billing_account_id,
        own_months.provider_name
    from own_months
    inner join periods
        on
            own_months.provider_name = periods.provider_name
            and own_months.billing_account_id = periods.billing_account_id
            and own_months.own_month = periods.usage_month
),

open_months as (
    select
        own_months.billing_account_id,
        own_months.provider_name,
        case
            when months_billed.billing_account_id is not null then own_months.own_month
            else provider_months.provider_month
        end as open_month
    from own_months
    inner join provider_months on own_months.provider_name = provider_months.provider_name
    left join months_billed
        on
            own_months.provider_name = months_billed.provider_name
            and own_months.billing_account_id = months_billed.billing_account_id
)

select * from open_months
