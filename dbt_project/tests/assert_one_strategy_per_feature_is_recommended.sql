{# Of a feature's strategies one is recommended and one is the rule of thumb's; they differ on two rows or on none. #}
with

advice as (
    select
        feature_id,
        is_recommended,
        is_rule_of_thumb,
        differs_from_rule,
        as_of_date
    from {{ ref('rpt_caching_vs_distillation') }}
),

features_at_fault as (
    select
        as_of_date,
        feature_id
    from advice
    group by as_of_date, feature_id
    having
        count(*) filter (where is_recommended) != 1
        or count(*) filter (where is_rule_of_thumb) != 1
        or count(*) filter (where differs_from_rule) not in (0, 2)
        or count(*) != 4
)

select * from features_at_fault
