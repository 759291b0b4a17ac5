{#
    Grain: one row per covered_date, a day of which the warehouse can say what it cost: its traces were asked for and answered
    (loaded or empty), or its usage is on a bill. A span that came late does not cover the day on which it happened.
#}
with

answered_days as (
    select landing_date as covered_date
    from {{ ref('fct_daily_extract_outcomes') }}
    where source = 'traces' and status in ('loaded', 'empty')
),

billed_days as (
    select usage_date as covered_date
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage' and cost_status != 'estimated'
),

days as (
    select covered_date from answered_days
    union
    select covered_date from billed_days
),

days_covered as (
    select covered_date from days
    where covered_date < cast('{{ var("as_of_date") }}' as date)
)

select * from days_covered
