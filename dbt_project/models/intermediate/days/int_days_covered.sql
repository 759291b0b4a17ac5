{#
    Grain: one row per covered_date, a day of which the warehouse can say what it cost: its traces are landed (loaded or empty,
    also where a later attempt failed), or its usage is on a bill. A span that came late does not cover the day it happened on.
#}
with

landed_days as (
    select landing_date as covered_date
    from {{ ref('stg_lake__extract_outcomes') }}
    where source = 'traces' and is_landed
),

billed_days as (
    select usage_date as covered_date
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage' and cost_status != 'estimated'
),

days as (
    select covered_date from landed_days
    union
    select covered_date from billed_days
),

days_covered as (
    select covered_date from days
    where covered_date < cast('{{ var("as_of_date") }}' as date)
)

select * from days_covered
