{#
    Grain: one row per week_start_date (Monday) with cost. What the weekly message may say: a NULL is something the marts do
    not support, and the message has to say so.
#}
with

weeks as (
    select * from {{ ref('int_weekly_costs_summed') }}
),

feature_costs as (
    select * from {{ ref('fct_daily_feature_costs') }}
),

unpriced_usage as (
    select * from {{ ref('fct_daily_unpriced_usage') }}
),

outcomes as (
    select * from {{ ref('fct_daily_extract_outcomes') }}
),

month_projections as (
    select * from {{ ref('fct_cost_projections') }}
    where feature_id = 'total' and scenario = 'as_is' and month_number = 0
),

drivers as (
    select * from {{ ref('fct_cost_drivers') }}
    where is_comparable
),

opportunities as (
    select * from {{ ref('fct_savings_opportunities') }}
    where status = 'open'
),

decisions as (
    select
        opportunity_id,
        decision_date
    from {{ ref('optimization_decisions') }}
    where opportunity_id is not null
),

features as (
    select
        feature_id,
        display_name
    from {{ ref('features') }}
),

sprints as (
    select * from {{ ref('rpt_sprints') }}
),

months_to_date as (
    select
        weeks.week_start_date,
        cast(date_trunc('month', weeks.as_of_date) as date) as month_start_date,
        coalesce(sum(feature_costs.request_count), 0) as request_count,
        coalesce(sum(feature_costs.input_tokens), 0) as input_tokens,
        coalesce(sum(feature_costs.output_tokens), 0) as output_tokens,
        coalesce(sum(feature_costs.unknown_cost_call_count), 0) as unknown_cost_call_count,
        coalesce(sum(feature_costs.unknown_cost_tokens), 0) as unknown_cost_tokens,
        -- On the first of a month it has cost nothing yet.
        case
            when count(feature_costs.usage_date) = 0 then 0
            else sum(feature_costs.allocated_cost_usd)
        end as month_to_date_cost_usd
    from weeks
    left join feature_costs
        on
            date_trunc('month', weeks.as_of_date) <= feature_costs.usage_date
            and weeks.as_of_date > feature_costs.usage_date
    group by weeks.week_start_date, weeks.as_of_date
),

weeks_changed as (
    select
        week_start_date,
        coalesce(sum(contribution_cost_usd) filter (where contribution_cost_usd > 0), 0) as risen_cost_usd,
        sum(contribution_cost_usd) as change_cost_usd
    from drivers
    group by week_start_date
),

main_drivers_ranked as (
    select
        drivers.*,
        {{ ratio('drivers.contribution_cost_usd', 'weeks_changed.change_cost_usd') }} as share_ratio,
        row_number() over (
            partition by drivers.week_start_date
            order by
                {{ sign_of('weeks_changed.change_cost_usd') }} * drivers.contribution_cost_usd desc,
                drivers.feature_id asc,
                drivers.driver asc,
                drivers.detail asc
        ) as driver_rank
    from drivers
    inner join weeks_changed on drivers.week_start_date = weeks_changed.week_start_date
    -- Only what pushed the way the week went can be its main driver.
    where {{ sign_of('weeks_changed.change_cost_usd') }} * drivers.contribution_cost_usd > 0
),

-- What has been decided on, one way or the other, is not asked for again.
opportunities_undecided as (
    select opportunities.*
    from opportunities
    left join decisions
        on
            opportunities.opportunity_id = decisions.opportunity_id
            and opportunities.as_of_date > decisions.decision_date
    where decisions.opportunity_id is null
),

opportunities_ranked as (
    select
        opportunities_undecided.*,
        coalesce(features.display_name, opportunities_undecided.feature_id) as feature_name,
        row_number() over (
            partition by opportunities_undecided.as_of_date
            order by opportunities_undecided.rank asc nulls last, opportunities_undecided.opportunity_id asc
        ) as open_rank
    from opportunities_undecided
    left join features on opportunities_undecided.feature_id = features.feature_id
),

weeks_unpriced as (
    select
        cast(date_trunc('week', usage_date) as date) as week_start_date,
        sum(call_count) filter (where cost_reason != 'no_usage') as unpriced_call_count,
        sum(call_count) filter (where cost_reason = 'no_usage') as gap_call_count
    from unpriced_usage
    group by date_trunc('week', usage_date)
),

weeks_quarantined as (
    select
        cast(date_trunc('week', landing_date) as date) as week_start_date,
        sum(quarantined_count) as quarantined_record_count
    from outcomes
    group by date_trunc('week', landing_date)
),

sprints_ranked as (
    select
        weeks.week_start_date,
        sprints.sprint_start_date,
        sprints.sprint_end_date,
        sprints.is_without_decision,
        row_number() over (
            partition by weeks.week_start_date
            order by sprints.sprint_start_date desc
        ) as sprint_rank
    from weeks
    inner join sprints on weeks.as_of_date > sprints.sprint_end_date
),

weekly_digest as (
    select
        weeks.week_start_date,
        weeks.as_of_date,
        weeks.covered_day_count,
        weeks.missing_days,
        weeks.not_compared_reason,
        cast(weeks.total_cost_usd as decimal(18, 6)) as total_cost_usd,
        weeks.previous_covered_day_count,
        cast(weeks.previous_total_cost_usd as decimal(18, 6)) as previous_total_cost_usd,
        {{ ratio(
            'weeks.total_cost_usd - weeks.previous_total_cost_usd', 'weeks.previous_total_cost_usd'
        ) }} as change_ratio,
        weeks.top_feature_id,
        coalesce(top_features.display_name, weeks.top_feature_id) as top_feature_name,
        cast(weeks.top_feature_cost_usd as decimal(18, 6)) as top_feature_cost_usd,
        {{ ratio(
            'case when weeks.is_cost_known then weeks.top_feature_cost_usd end', 'weeks.total_cost_usd'
        ) }} as top_feature_share_ratio,
        {{ ratio(
            'weeks.previous_top_feature_cost_usd', 'weeks.previous_total_cost_usd'
        ) }} as previous_top_feature_share_ratio,
        cast(weeks.previous_top_feature_call_count as bigint) as previous_top_feature_call_count,
        cast(weeks.unattributed_cost_usd as decimal(18, 6)) as unattributed_cost_usd,
        {{ ratio('weeks.unattributed_cost_usd', 'weeks.total_cost_usd') }} as unattributed_share_ratio,
        {{ ratio('weeks.estimated_cost_usd', 'weeks.total_cost_usd') }} as estimated_share_ratio,
        months_to_date.month_start_date,
        cast(months_to_date.month_to_date_cost_usd as decimal(18, 6)) as month_to_date_cost_usd,
        month_projections.projected_cost_usd as projected_month_end_cost_usd,
        month_projections.low_cost_usd as low_month_end_cost_usd,
        month_projections.high_cost_usd as high_month_end_cost_usd,
        coalesce(month_projections.status, 'insufficient_history') as projection_status,
        -- One projection that went wrong is an anecdote.
        case
            when month_projections.error_origin_count >= 3 then month_projections.wape_ratio
        end as projection_error_ratio,
        case
            when month_projections.error_origin_count >= 3 then month_projections.error_horizon
        end as projection_error_horizon,
        month_projections.missing_day_count as projection_missing_day_count,
        -- What rose, also where as much fell: then no driver is the main one.
        cast(
            case
                when weeks.not_compared_reason is null then coalesce(weeks_changed.risen_cost_usd, 0)
            end as decimal(18, 6)
        ) as risen_cost_usd,
        main_drivers_ranked.driver as main_driver,
        main_drivers_ranked.feature_id as main_driver_feature_id,
        main_drivers_ranked.detail as main_driver_detail,
        main_drivers_ranked.contribution_cost_usd as main_driver_cost_usd,
        main_drivers_ranked.share_ratio as main_driver_share_ratio,
        opportunities_ranked.opportunity_id as recommended_opportunity_id,
        opportunities_ranked.feature_name as recommended_feature_name,
        opportunities_ranked.task_type as recommended_task_type,
        opportunities_ranked.target_model_id as recommended_target_model_id,
        opportunities_ranked.saving_usd_per_month as recommended_saving_usd_per_month,
        opportunities_ranked.agreement_ratio as recommended_agreement_ratio,
        opportunities_ranked.agreement_sample_count as recommended_agreement_sample_count,
        opportunities_ranked.lever as recommended_lever,
        opportunities_ranked.current_model_id as recommended_current_model_id,
        opportunities_ranked.ratio_name as recommended_ratio_name,
        opportunities_ranked.ratio as recommended_ratio,
        opportunities_ranked.break_even_ratio as recommended_break_even_ratio,
        opportunities_ranked.break_even_weeks as recommended_break_even_weeks,
        opportunities_ranked.is_measured as recommended_is_measured,
        cast(weeks.unknown_cost_call_count as bigint) as unknown_cost_call_count,
        cast(weeks.previous_unknown_cost_call_count as bigint) as previous_unknown_cost_call_count,
        cast(months_to_date.unknown_cost_call_count as bigint) as month_unknown_cost_call_count,
        cast(weeks.unknown_cost_feature_count as bigint) as unknown_cost_feature_count,
        cast(coalesce(weeks_unpriced.unpriced_call_count, 0) as bigint) as unpriced_call_count,
        cast(coalesce(weeks_quarantined.quarantined_record_count, 0) as bigint) as quarantined_record_count,
        cast(coalesce(weeks_unpriced.gap_call_count, 0) as bigint) as gap_call_count,
        sprints_ranked.sprint_start_date as undecided_sprint_start_date,
        sprints_ranked.sprint_end_date as undecided_sprint_end_date
    from weeks
    inner join months_to_date on weeks.week_start_date = months_to_date.week_start_date
    left join features as top_features on weeks.top_feature_id = top_features.feature_id
    left join month_projections on weeks.as_of_date = month_projections.as_of_date
    left join weeks_changed on weeks.week_start_date = weeks_changed.week_start_date
    left join main_drivers_ranked
        on
            weeks.week_start_date = main_drivers_ranked.week_start_date
            and main_drivers_ranked.driver_rank = 1
    left join opportunities_ranked
        on
            weeks.as_of_date = opportunities_ranked.as_of_date
            and opportunities_ranked.open_rank = 1
    left join weeks_unpriced on weeks.week_start_date = weeks_unpriced.week_start_date
    left join weeks_quarantined on weeks.week_start_date = weeks_quarantined.week_start_date
    left join sprints_ranked
        on
            weeks.week_start_date = sprints_ranked.week_start_date
            and sprints_ranked.sprint_rank = 1
            and sprints_ranked.is_without_decision
)

select * from weekly_digest
