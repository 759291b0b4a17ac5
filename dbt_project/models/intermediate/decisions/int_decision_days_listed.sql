{#
    Grain: one row per decision_id and usage_date that speaks about it: a covered day of the 28 before it shipped, where
    week_start_date is NULL, or of a whole week after, from the first Monday after the day it shipped on.

    volume_basis is what the week's volume is counted in: something that the lever neither adds to nor takes from. A cache takes
    calls away and a cascade adds some, so there it is the traces, which are what users asked for; else the generating calls.
    Levers that leave each call where it was are measured within pipeline and task type (is_by_call): a busier pipeline saves nothing.
#}
with

decisions as (
    select
        decision_id,
        feature_id,
        task_type,
        case
            when lever in ('confidence_cascade', 'semantic_cache', 'cache_and_distillation') then 'traces'
            else 'generating_calls'
        end as volume_basis,
        lever not in (
            'confidence_cascade', 'semantic_cache', 'cache_and_distillation', 'redundant_reranker'
        ) as is_by_call,
        shipped_date
    from {{ ref('optimization_decisions') }}
    where status = 'shipped' and shipped_date < cast('{{ var("as_of_date") }}' as date)
),

days_covered as (
    select
        covered_date as usage_date,
        cast(date_trunc('week', covered_date) as date) as week_start_date
    from {{ ref('int_days_covered') }}
),

decision_days as (
    select
        decisions.decision_id,
        decisions.feature_id,
        decisions.task_type,
        decisions.volume_basis,
        decisions.is_by_call,
        case when decisions.shipped_date < days_covered.usage_date then days_covered.week_start_date end
            as week_start_date,
        days_covered.usage_date
    from decisions
    inner join days_covered
        on
            (
                decisions.shipped_date > days_covered.usage_date
                and decisions.shipped_date - interval 28 day <= days_covered.usage_date
            )
            or (
                decisions.shipped_date < days_covered.week_start_date
                and days_covered.week_start_date + interval 7 day <= cast('{{ var("as_of_date") }}' as date)
            )
)

select * from decision_days
