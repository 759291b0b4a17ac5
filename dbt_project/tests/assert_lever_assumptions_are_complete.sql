{#
    An assumption for some features needs one for every other; none is below 0, and a share is not above 1. A feature that seed
    `features` does not know is a slip of the pen.
#}
with

assumptions as (
    select
        assumption_name,
        feature_id,
        value,
        unit
    from {{ ref('lever_assumptions') }}
),

features as (
    select feature_id
    from {{ ref('features') }}
),

names as (
    select assumption_name
    from assumptions
    group by assumption_name
    having count(*) filter (where feature_id = '*') = 0
),

assumptions_at_fault as (
    select
        assumption_name,
        'no row with feature_id * for every other feature' as fault
    from names
    union all
    select
        assumption_name,
        'a value below 0, or a ratio above 1' as fault
    from assumptions
    where value < 0 or (unit = 'ratio' and value > 1)
    union all
    select
        assumptions.assumption_name,
        'feature_id is not in seed features' as fault
    from assumptions
    left join features on assumptions.feature_id = features.feature_id
    where assumptions.feature_id != '*' and features.feature_id is null
)

select * from assumptions_at_fault
