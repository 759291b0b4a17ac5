{#
    Grain: one row per decision_id and week_start_date (Monday) after it shipped; one without a week where there is none yet.

    What the week would have cost without the decision is what a unit of volume used in the 28 days before it shipped, times the week's
    volume, at the week's prices: so neither a busier week nor a provider's cut counts as saved. A part of the feature that was not
    there before is left out of both sides (uncompared_cost_usd).
#}
with

decisions as (
    select
        *,
        coalesce(
            status = 'shipped' and shipped_date < cast('{{ var("as_of_date") }}' as date), false
        ) as is_shipped
    from {{ ref('optimization_decisions') }}
    where decision_date < cast('{{ var("as_of_date") }}' as date)
),

features as (
    select
        feature_id,
        last_date
    from {{ ref('features') }}
),

periods_covered as (
    select * from {{ ref('int_decision_periods_covered') }}
),

volumes as (
    select * from {{ ref('int_decision_volumes_counted') }}
),

usages_priced as (
    select * from {{ ref('int_decision_usages_priced') }}
),

unknown_cost_bound as (
    select bound as largest_unknown_cost_ratio
    from {{ ref('reporting_bounds') }}
    where bound_name = 'largest_unknown_cost_ratio'
),

baseline_volumes as (
    select
        decision_id,
        stratum_id,
        volume_count
    from volumes
    where week_start_date is null and volume_count > 0
),

usages_summed as (
    select
        decision_id,
        stratum_id,
        sum(baseline_cost_usd) as baseline_cost_usd,
        sum(repriced_cost_usd) as repriced_cost_usd,
        coalesce(sum(repriced_cost_usd) filter (where is_paid_price), 0) as paid_repriced_cost_usd,
        bool_and(repriced_cost_usd is not null) as is_priced,
        week_start_date
    from usages_priced
    group by decision_id, stratum_id, week_start_date
),

week_volumes as (
    select
        volumes.decision_id,
        volumes.stratum_id,
        volumes.volume_count,
        volumes.allocated_cost_usd,
        baseline_volumes.volume_count as baseline_volume_count,
        {{ ratio('volumes.volume_count', 'baseline_volumes.volume_count') }} as volume_ratio,
        volumes.week_start_date
    from volumes
    left join baseline_volumes
        on volumes.decision_id = baseline_volumes.decision_id and volumes.stratum_id = baseline_volumes.stratum_id
    where volumes.week_start_date is not null
),

-- As decimals, whose sums are the same in any order.
strata_compared as (
    select
        week_volumes.*,
        coalesce(usages_summed.is_priced, true) as is_priced,
        cast(
            week_volumes.volume_ratio * cast(coalesce(usages_summed.baseline_cost_usd, 0) as double) as decimal(38, 12)
        ) as baseline_cost_usd,
        cast(
            week_volumes.volume_ratio * cast(coalesce(usages_summed.repriced_cost_usd, 0) as double) as decimal(38, 12)
        ) as repriced_cost_usd,
        cast(
            week_volumes.volume_ratio
            * cast(coalesce(usages_summed.paid_repriced_cost_usd, 0) as double) as decimal(38, 12)
        ) as paid_repriced_cost_usd
    from week_volumes
    left join usages_summed
        on
            week_volumes.decision_id = usages_summed.decision_id
            and week_volumes.stratum_id = usages_summed.stratum_id
            and week_volumes.week_start_date = usages_summed.week_start_date
),

weeks_compared as (
    select
        decision_id,
        sum(volume_count) filter (where baseline_volume_count is not null) as volume_count,
        sum(allocated_cost_usd) filter (where baseline_volume_count is not null) as actual_cost_usd,
        coalesce(sum(allocated_cost_usd) filter (where baseline_volume_count is null), 0) as uncompared_cost_usd,
        sum(baseline_cost_usd) as cost_at_earlier_prices_usd,
        sum(repriced_cost_usd) as counterfactual_cost_usd,
        sum(paid_repriced_cost_usd) as paid_counterfactual_cost_usd,
        bool_and(is_priced) as is_priced,
        week_start_date
    from strata_compared
    group by decision_id, week_start_date
),

periods_summed as (
    select
        decision_id,
        sum(volume_count) as volume_count,
        sum(request_count) as request_count,
        sum(unknown_cost_call_count) as unknown_cost_call_count,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(unknown_cost_tokens) as unknown_cost_tokens,
        sum(allocated_cost_usd) as allocated_cost_usd,
        week_start_date
    from volumes
    group by decision_id, week_start_date
),

periods_known as (
    select
        periods_summed.*,
        {{ is_cost_known('allocated_cost_usd') }} as is_cost_known
    from periods_summed
    cross join unknown_cost_bound
),

results_with_parts as (
    select
        decisions.*,
        weeks_covered.volume_basis,
        weeks_covered.covered_day_count,
        weeks_covered.week_start_date,
        baselines_covered.covered_day_count as baseline_covered_day_count,
        baselines_known.volume_count as baseline_volume_count,
        weeks_compared.volume_count,
        weeks_compared.actual_cost_usd,
        weeks_compared.uncompared_cost_usd,
        weeks_compared.cost_at_earlier_prices_usd,
        weeks_compared.counterfactual_cost_usd,
        weeks_compared.paid_counterfactual_cost_usd,
        coalesce(weeks_covered.other_decision_count, 0) as other_decision_count,
        coalesce(weeks_compared.is_priced, false)
        and coalesce(baselines_known.is_cost_known, false)
        and coalesce(weeks_known.is_cost_known, true) as is_cost_known,
        coalesce(
            features.last_date < coalesce(
                cast(weeks_covered.week_start_date + interval 6 day as date),
                cast(cast('{{ var("as_of_date") }}' as date) - interval 1 day as date)
            ),
            false
        ) as is_retired,
        features.last_date
    from decisions
    inner join features on decisions.feature_id = features.feature_id
    left join periods_covered as weeks_covered
        on decisions.decision_id = weeks_covered.decision_id and weeks_covered.week_start_date is not null
    left join periods_covered as baselines_covered
        on decisions.decision_id = baselines_covered.decision_id and baselines_covered.week_start_date is null
    left join weeks_compared
        on
            weeks_covered.decision_id = weeks_compared.decision_id
            and weeks_covered.week_start_date = weeks_compared.week_start_date
    left join periods_known as baselines_known
        on decisions.decision_id = baselines_known.decision_id and baselines_known.week_start_date is null
    left join periods_known as weeks_known
        on
            weeks_covered.decision_id = weeks_known.decision_id
            and weeks_covered.week_start_date = weeks_known.week_start_date
),

results_with_status as (
    select
        *,
        case
            when not is_shipped then 'not_shipped'
            when is_retired then 'feature_retired'
            when week_start_date is null then 'too_early'
            when coalesce(baseline_covered_day_count, 0) < 14 or coalesce(baseline_volume_count, 0) = 0
                then 'insufficient_baseline'
            when coalesce(volume_count, 0) = 0 then 'no_volume'
            when not is_cost_known then 'cost_not_known'
            when covered_day_count < 7 then 'incomplete_week'
            when other_decision_count > 0 then 'measured_together'
            else 'measured'
        end as result_status
    from results_with_parts
    -- Of a feature that has ended one week says so.
    where
        week_start_date is null
        or last_date is null
        or week_start_date <= last_date + interval 7 day
),

results_with_saving as (
    select
        *,
        case
            when result_status in ('measured', 'measured_together', 'incomplete_week')
                then counterfactual_cost_usd - actual_cost_usd
        end as realised_saving_usd
    from results_with_status
),

decision_results as (
    select
        decision_id,
        feature_id,
        lever,
        task_type,
        opportunity_id,
        decider,
        status as decision_status,
        result_status as status,
        volume_basis,
        cast(covered_day_count as bigint) as covered_day_count,
        cast(baseline_covered_day_count as bigint) as baseline_covered_day_count,
        cast(volume_count as bigint) as volume_count,
        cast(baseline_volume_count as bigint) as baseline_volume_count,
        cast(other_decision_count as bigint) as other_decision_count,
        cast(case when realised_saving_usd is not null then actual_cost_usd end as decimal(18, 6)) as actual_cost_usd,
        cast(
            case when realised_saving_usd is not null then counterfactual_cost_usd end as decimal(18, 6)
        ) as counterfactual_cost_usd,
        cast(realised_saving_usd as decimal(18, 6)) as realised_saving_usd,
        cast(
            case
                when result_status != 'incomplete_week' then cast(realised_saving_usd as double) * 365 / 12 / 7
            end as decimal(18, 6)
        ) as realised_saving_usd_per_month,
        expected_saving_usd_per_month,
        case
            when result_status = 'measured'
                then
                    round(
                        {{ ratio('realised_saving_usd', 'expected_saving_usd_per_month') }} * 365 / 12 / 7, 12
                    )
        end as realised_to_expected_ratio,
        cast(
            case
                when realised_saving_usd is not null then counterfactual_cost_usd - cost_at_earlier_prices_usd
            end as decimal(18, 6)
        ) as price_change_cost_usd,
        case
            when realised_saving_usd is not null
                then {{ ratio('paid_counterfactual_cost_usd', 'counterfactual_cost_usd') }}
        end as paid_price_ratio,
        cast(
            case when realised_saving_usd is not null then uncompared_cost_usd end as decimal(18, 6)
        ) as uncompared_cost_usd,
        decision_date,
        shipped_date,
        week_start_date
    from results_with_saving
)

select * from decision_results
