{#
    Grain: one row per usage_month, provider_name, billing_account_id, feature_id, charge_category, corrected_month and
    corrected_charge_category. The rows of a month, provider and account add up to its bill.
#}
with

allocated_costs as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as usage_month
    from {{ ref('fct_daily_allocated_costs') }}
),

features as (
    select
        feature_id,
        display_name,
        team,
        owner
    from {{ ref('features') }}
),

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
),

costs_summed as (
    select
        feature_id,
        billing_account_id,
        provider_name,
        charge_category,
        corrected_charge_category,
        {{ summed_costs() }},
        cast(
            sum(case when cost_status != 'estimated' then allocated_cost_usd end) as decimal(18, 6)
        ) as billed_cost_usd,
        usage_month,
        corrected_month
    from allocated_costs
    group by
        usage_month,
        provider_name,
        billing_account_id,
        feature_id,
        charge_category,
        corrected_month,
        corrected_charge_category
),

feature_costs as (
    select
        costs_summed.feature_id,
        costs_summed.billing_account_id,
        coalesce(features.display_name, costs_summed.feature_id) as display_name,
        coalesce(features.team, 'unknown') as team,
        coalesce(features.owner, 'unknown') as owner,
        costs_summed.provider_name,
        costs_summed.charge_category,
        costs_summed.corrected_charge_category,
        costs_summed.cost_status,
        'USD' as currency_code,
        coalesce(periods.version, 0) as version,
        costs_summed.request_count,
        costs_summed.input_tokens,
        costs_summed.output_tokens,
        costs_summed.unknown_cost_call_count,
        costs_summed.unknown_cost_tokens,
        costs_summed.estimated_cost_usd,
        costs_summed.billed_cost_usd,
        costs_summed.allocated_cost_usd,
        features.feature_id is not null as is_known_feature,
        periods.usage_month is not null as is_closed,
        costs_summed.usage_month,
        costs_summed.corrected_month,
        periods.closed_at_date
    from costs_summed
    left join features on costs_summed.feature_id = features.feature_id
    left join periods
        on
            costs_summed.provider_name = periods.provider_name
            and costs_summed.billing_account_id = periods.billing_account_id
            and costs_summed.usage_month = periods.usage_month
)

select * from feature_costs
