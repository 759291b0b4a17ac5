{#
    Grain: one row per provider_name, billing_account_id and usage_date of which the bill says what was used: it has usage on that day, or
    its month is final, so that a day without a line is one on which nothing was charged.
#}
with

charges as (
    select * from {{ ref('int_billing_cells_summed') }}
    where charge_category = 'usage'
),

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
),

days_of_periods as (
    {% for day in range(31) %}
    select
        billing_account_id,
        provider_name,
        cast(usage_month + interval {{ day }} day as date) as usage_date,
        end_date
    from periods
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

account_days_billed as (
    select
        billing_account_id,
        provider_name,
        usage_date
    from charges
    union
    select
        billing_account_id,
        provider_name,
        usage_date
    from days_of_periods
    where usage_date < end_date
)

select * from account_days_billed
