{#
    Grain: one row per sprint_start_date, of the sprints that began on the first covered day or later: nobody could decide on numbers
    that were not there. Length and first day are of seed reporting_bounds. A decision that was dropped later was one too.
#}
with

days_covered as (
    select covered_date
    from {{ ref('int_days_covered') }}
),

sprint_bounds as (
    select
        cast(max(bound) filter (where bound_name = 'sprint_length_days') as int) as length_days,
        cast(max(bound) filter (where bound_name = 'sprint_offset_days') as int) as offset_days
    from {{ ref('reporting_bounds') }}
),

decisions as (
    select
        decision_id,
        decision_date
    from {{ ref('optimization_decisions') }}
    where decision_date < cast('{{ var("as_of_date") }}' as date)
),

first_days as (
    select min(covered_date) as first_date
    from days_covered
),

days as (
    select covered_date as day_date from days_covered
    union
    select decision_date as day_date from decisions
),

days_of_sprints as (
    select
        days.day_date,
        sprint_bounds.length_days,
        first_days.first_date,
        {{ days_between("cast('2024-01-01' as date)", 'days.day_date') }} - sprint_bounds.offset_days as day_number
    from days
    cross join sprint_bounds
    cross join first_days
),

sprints as (
    select distinct
        length_days,
        day_date - cast(((day_number % length_days) + length_days) % length_days as int) as sprint_start_date,
        first_date
    from days_of_sprints
),

sprints_with_end as (
    select
        sprint_start_date,
        sprint_start_date + (length_days - 1) as sprint_end_date
    from sprints
    where sprint_start_date >= first_date
),

decisions_counted as (
    select
        sprints_with_end.sprint_start_date,
        sprints_with_end.sprint_end_date,
        count(decisions.decision_id) as decision_count
    from sprints_with_end
    left join decisions
        on
            sprints_with_end.sprint_start_date <= decisions.decision_date
            and sprints_with_end.sprint_end_date >= decisions.decision_date
    group by sprints_with_end.sprint_start_date, sprints_with_end.sprint_end_date
),

sprints_judged as (
    select
        cast(decision_count as bigint) as decision_count,
        decision_count = 0
        and sprint_end_date < cast('{{ var("as_of_date") }}' as date) as is_without_decision,
        sprint_end_date < cast('{{ var("as_of_date") }}' as date) as is_finished,
        sprint_start_date,
        sprint_end_date
    from decisions_counted
)

select * from sprints_judged
