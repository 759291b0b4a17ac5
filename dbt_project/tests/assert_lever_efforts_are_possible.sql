{# Every lever has an effort, and none takes less than no time. #}
with

efforts as (
    select
        lever,
        implementation_person_days,
        maintenance_person_days_per_month
    from {{ ref('lever_efforts') }}
),

efforts_at_fault as (
    select
        lever,
        'person-days below 0' as fault
    from efforts
    where implementation_person_days < 0 or maintenance_person_days_per_month < 0
    union all
    select
        'all' as lever,
        'not a row for each of the ten levers' as fault
    from efforts
    having count(*) != 10
)

select * from efforts_at_fault
