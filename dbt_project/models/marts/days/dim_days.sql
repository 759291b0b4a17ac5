{#
    Grain: one row per usage_date, every day from the first that is covered or has a row of cost to the last, without a gap. What is
    counted against days (trailing sums, the month so far, the week before) is counted against these.
#}
with

days_covered as (
    select covered_date
    from {{ ref('int_days_covered') }}
),

days_with_costs as (
    select distinct usage_date
    from {{ ref('fct_daily_allocated_costs') }}
),

days_known as (
    select covered_date as usage_date from days_covered
    union
    select usage_date from days_with_costs
),

ends_found as (
    select
        min(usage_date) as first_date,
        max(usage_date) as last_date
    from days_known
),

digits as (
    {%- for digit in range(10) %}
    select {{ digit }} as digit
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- 0 to 99,999 days, 273 years: landings take a day from 2000 on for credible, so that a clock that was reset is within.
distances as (
    select
        ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit + 10000 * ten_thousands.digit
            as day_count
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as ten_thousands
),

days_between_ends as (
    select {{ days_after('ends_found.last_date', '-distances.day_count') }} as usage_date
    from ends_found
    inner join distances on distances.day_count <= {{ days_between('ends_found.first_date', 'ends_found.last_date') }}
),

days_described as (
    select
        days_covered.covered_date is not null as is_covered,
        days_between_ends.usage_date,
        cast(date_trunc('week', days_between_ends.usage_date) as date) as week_start_date,
        cast(date_trunc('month', days_between_ends.usage_date) as date) as usage_month
    from days_between_ends
    left join days_covered on days_between_ends.usage_date = days_covered.covered_date
)

select * from days_described
