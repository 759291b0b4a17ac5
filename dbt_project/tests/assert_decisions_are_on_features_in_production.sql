{#
    Nobody saves on a feature that has ended: a decision is on one whose last_date is empty, or the day of the decision
    or later; while it is open, the day for which it is planned or later.
#}
with

decisions as (
    select
        decision_id,
        feature_id,
        decision_date,
        case when status = 'open' then planned_ship_date end as planned_ship_date
    from {{ ref('optimization_decisions') }}
),

features as (
    select
        feature_id,
        last_date
    from {{ ref('features') }}
),

decisions_on_retired_features as (
    select
        decisions.decision_id,
        decisions.feature_id,
        'is on a feature that ended before it, or will end before it ships' as what,
        decisions.decision_date,
        decisions.planned_ship_date,
        features.last_date
    from decisions
    inner join features on decisions.feature_id = features.feature_id
    where
        decisions.decision_date > features.last_date
        or coalesce(decisions.planned_ship_date, decisions.decision_date) > features.last_date
)

select * from decisions_on_retired_features
