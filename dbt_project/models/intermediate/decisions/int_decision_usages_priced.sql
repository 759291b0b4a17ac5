{#
    Grain: one row per decision_id, week_start_date, stratum_id and what a price is of (provider_name, model_id, token_class,
    region_scope, processing): what was used before the decision shipped, at the prices of the week.

    The price is what was paid for such a unit in that week, by whatever feature. Where nobody used one, it is the price table's on the days
    of that week, times what was paid before of the price table's price then: a discount stays, a provider's cut is taken over. Where
    the price table has none either, it is not known.
#}
{%- set key = ['provider_name', 'model_id', 'token_class', 'region_scope', 'processing'] %}
with

decision_days as (
    select * from {{ ref('int_decision_days_listed') }}
),

decision_calls as (
    select
        decision_id,
        call_id,
        stratum_id,
        week_start_date
    from {{ ref('int_decision_calls_found') }}
    where week_start_date is null
),

usages as (
    select * from {{ ref('int_usages_paid') }}
),

prices as (
    select * from {{ ref('stg_price_catalog__prices') }}
    where threshold_tokens = 0
),

baseline_days_summed as (
    select
        decision_calls.decision_id,
        decision_calls.stratum_id,
        usages.{{ key | join(',\n        usages.') }},
        sum(usages.quantity) as quantity,
        sum(usages.allocated_cost_usd) as allocated_cost_usd,
        usages.usage_date
    from decision_calls
    inner join usages on decision_calls.call_id = usages.call_id
    group by
        decision_calls.decision_id,
        decision_calls.stratum_id,
        usages.{{ key | join(',\n        usages.') }},
        usages.usage_date
),

keys_used as (
    select distinct
        decision_id,
        {{ key | join(',\n        ') }}
    from baseline_days_summed
),

keys_on_days as (
    select distinct
        keys_used.{{ key | join(',\n        keys_used.') }},
        decision_days.usage_date
    from keys_used
    inner join decision_days on keys_used.decision_id = decision_days.decision_id
),

prices_ranked as (
    {{ prices_by_scope('keys_on_days', 'prices') }}
),

list_prices as (
    select
        {{ key | join(',\n        ') }},
        {{ ratio('price_usd_per_unit', 'unit_quantity') }} as list_usd_per_unit,
        usage_date
    from prices_ranked
    where scope_rank = 1
),

-- As decimals, whose sums are the same in any order.
baselines_summed as (
    select
        baseline_days_summed.decision_id,
        baseline_days_summed.stratum_id,
        baseline_days_summed.{{ key | join(',\n        baseline_days_summed.') }},
        sum(baseline_days_summed.quantity) as quantity,
        sum(baseline_days_summed.allocated_cost_usd) as allocated_cost_usd,
        case
            when count(*) = count(list_prices.list_usd_per_unit)
                then
                    sum(
                        cast(
                            baseline_days_summed.quantity * list_prices.list_usd_per_unit as decimal(38, 12)
                        )
                    )
        end as list_cost_usd
    from baseline_days_summed
    left join list_prices
        on
            {% for column in key -%}
            baseline_days_summed.{{ column }} = list_prices.{{ column }}
            and {% endfor -%}
            baseline_days_summed.usage_date = list_prices.usage_date
    group by
        baseline_days_summed.decision_id,
        baseline_days_summed.stratum_id,
        baseline_days_summed.{{ key | join(',\n        baseline_days_summed.') }}
),

weeks as (
    select distinct
        decision_id,
        week_start_date
    from decision_days
    where week_start_date is not null
),

weeks_paid as (
    select
        {{ key | join(',\n        ') }},
        {{ ratio('sum(allocated_cost_usd)', 'sum(quantity)') }} as paid_usd_per_unit,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from usages
    group by {{ key | join(', ') }}, date_trunc('week', usage_date)
),

weeks_listed as (
    select
        {{ key | join(',\n        ') }},
        {{ ratio('sum(cast(list_usd_per_unit as decimal(38, 18)))', 'count(*)') }} as list_usd_per_unit,
        cast(date_trunc('week', usage_date) as date) as week_start_date
    from list_prices
    group by {{ key | join(', ') }}, date_trunc('week', usage_date)
),

baselines_with_price as (
    select
        baselines_summed.*,
        weeks_paid.paid_usd_per_unit,
        weeks_listed.list_usd_per_unit
        * {{ ratio('baselines_summed.allocated_cost_usd', 'baselines_summed.list_cost_usd') }}
            as expected_usd_per_unit,
        weeks.week_start_date
    from baselines_summed
    inner join weeks on baselines_summed.decision_id = weeks.decision_id
    left join weeks_paid
        on
            {% for column in key -%}
            baselines_summed.{{ column }} = weeks_paid.{{ column }}
            and {% endfor -%}
            weeks.week_start_date = weeks_paid.week_start_date
    left join weeks_listed
        on
            {% for column in key -%}
            baselines_summed.{{ column }} = weeks_listed.{{ column }}
            and {% endfor -%}
            weeks.week_start_date = weeks_listed.week_start_date
),

usages_priced as (
    select
        decision_id,
        stratum_id,
        {{ key | join(',\n        ') }},
        cast(quantity as bigint) as quantity,
        cast(allocated_cost_usd as decimal(38, 12)) as baseline_cost_usd,
        cast(
            quantity * coalesce(paid_usd_per_unit, expected_usd_per_unit) as decimal(38, 12)
        ) as repriced_cost_usd,
        paid_usd_per_unit is not null as is_paid_price,
        week_start_date
    from baselines_with_price
)

select * from usages_priced
