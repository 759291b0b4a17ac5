{#
    Grain: one row per decision_id and week_start_date (NULL: before it shipped): how many covered days speak, and how many other
    decisions shipped on the same calls meanwhile, from 28 days before this one to the end of the week. What two changes of the same calls
    did cannot be told apart by what these cost.
#}
with

decision_days as (
    select * from {{ ref('int_decision_days_listed') }}
),

decisions as (
    select
        decision_id,
        feature_id,
        task_type,
        shipped_date
    from {{ ref('optimization_decisions') }}
    where status = 'shipped'
),

days_counted as (
    select
        decision_id,
        volume_basis,
        count(*) as covered_day_count,
        week_start_date
    from decision_days
    group by decision_id, volume_basis, week_start_date
),

others_counted as (
    select
        days_counted.decision_id,
        count(*) as other_decision_count,
        days_counted.week_start_date
    from days_counted
    inner join decisions on days_counted.decision_id = decisions.decision_id
    inner join decisions as others
        on
            decisions.feature_id = others.feature_id
            and decisions.decision_id != others.decision_id
            and others.shipped_date >= decisions.shipped_date - interval 28 day
            and others.shipped_date < days_counted.week_start_date + interval 7 day
            and (
                decisions.task_type is null
                or others.task_type is null
                or decisions.task_type = others.task_type
            )
    group by days_counted.decision_id, days_counted.week_start_date
),

periods_covered as (
    select
        days_counted.decision_id,
        days_counted.volume_basis,
        cast(days_counted.covered_day_count as bigint) as covered_day_count,
        cast(coalesce(others_counted.other_decision_count, 0) as bigint) as other_decision_count,
        days_counted.week_start_date
    from days_counted
    left join others_counted
        on
            days_counted.decision_id = others_counted.decision_id
            and days_counted.week_start_date = others_counted.week_start_date
)

select * from periods_covered
