{#
    Usage of a feature lies between its first and its last day in seed features. A warning, since the money is real: a service still writes
    the name of a feature that ended or was merged (seed feature_aliases), or the seed's dates are wrong.
#}
{{ config(severity='warn') }}
with

feature_costs as (
    select
        feature_id,
        usage_date
    from {{ ref('fct_daily_feature_costs') }}
),

features as (
    select
        feature_id,
        first_date,
        last_date
    from {{ ref('features') }}
),

days_outside as (
    select
        feature_costs.feature_id,
        feature_costs.usage_date,
        features.first_date,
        features.last_date
    from feature_costs
    inner join features on feature_costs.feature_id = features.feature_id
    where
        feature_costs.usage_date < features.first_date
        or feature_costs.usage_date > features.last_date
)

select * from days_outside
