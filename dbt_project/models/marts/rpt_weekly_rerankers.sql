{#
    Grain: one row per week_start_date (Monday) and feature_id with reranks; feature_id `total` is all features together.

    Whether a reranker is worth its cost. Of the reranks that cite, only those speak in which a hit was gained or lost: a sign test says whether there
    are more of one kind than chance gives (seed reporting_bounds, smallest_hit_change_z, with the correction for continuity). Harm comes before the bound
    of the change, because a reranker that changes little may still do it.
#}
with

rerankers as (
    select * from {{ ref('int_weekly_rerankers_summed') }}
),

thresholds as (
    select
        scope,
        action,
        owner,
        warning_bound,
        smallest_sample_count
    from {{ ref('metric_thresholds') }}
    where metric_name = 'reranker_change_ratio' and dimension = 'top_k={{ reranker_top_k() }}'
),

reporting_bounds as (
    select
        max(bound) filter (where bound_name = 'smallest_hit_change_z') as smallest_hit_change_z,
        max(bound) filter (where bound_name = 'largest_unknown_cost_ratio') as largest_unknown_cost_ratio
    from {{ ref('reporting_bounds') }}
),

weeks_covered as (
    select
        cast(date_trunc('week', covered_date) as date) as week_start_date,
        count(*) as covered_day_count
    from {{ ref('int_days_covered') }}
    group by date_trunc('week', covered_date)
),

rerankers_with_bounds as (
    select
        rerankers.*,
        {{ ratio('rerankers.changed_count', 'rerankers.compared_count') }} as change_ratio,
        {{ ratio('rerankers.hit_before_count', 'rerankers.judged_count') }} as hit_before_ratio,
        {{ ratio('rerankers.hit_after_count', 'rerankers.judged_count') }} as hit_after_ratio,
        rerankers.gained_hit_count - rerankers.lost_hit_count as hit_change_count,
        power(abs(rerankers.gained_hit_count - rerankers.lost_hit_count) - 1, 2)
        > power(reporting_bounds.smallest_hit_change_z, 2) * (rerankers.gained_hit_count + rerankers.lost_hit_count)
        and abs(rerankers.gained_hit_count - rerankers.lost_hit_count) > 1
        and rerankers.judged_count >= thresholds.smallest_sample_count as is_beyond_chance,
        rerankers.unknown_cost_count
        <= reporting_bounds.largest_unknown_cost_ratio * rerankers.rerank_count as is_cost_known,
        thresholds.action,
        thresholds.owner,
        thresholds.warning_bound,
        thresholds.smallest_sample_count,
        coalesce(weeks_covered.covered_day_count, 0) as covered_day_count
    from rerankers
    cross join reporting_bounds
    left join thresholds
        on thresholds.scope in ('any', case when rerankers.feature_id = 'total' then 'total' else 'feature' end)
    left join weeks_covered on rerankers.week_start_date = weeks_covered.week_start_date
),

rerankers_with_reason as (
    select
        *,
        case
            when warning_bound is null then 'no_threshold'
            when compared_count < smallest_sample_count then 'few_reranks'
            when is_beyond_chance and hit_change_count < 0 then 'hits_lost'
            when round(change_ratio, 12) < warning_bound then 'top_unchanged'
            when is_beyond_chance and hit_change_count > 0 then 'hits_gained'
            when judged_count = 0 then 'no_relevance'
            when judged_count < smallest_sample_count then 'few_judged'
            else 'no_difference'
        end as reason
    from rerankers_with_bounds
),

weekly_rerankers as (
    select
        feature_id,
        case reason
            when 'hits_lost' then 'harmful'
            when 'top_unchanged' then 'redundant'
            when 'hits_gained' then 'useful'
            when 'no_threshold' then 'no_threshold'
            when 'few_reranks' then 'insufficient'
            else 'unproven'
        end as verdict,
        reason,
        action,
        owner,
        cast({{ reranker_top_k() }} as bigint) as top_k,
        rerank_count,
        compared_count,
        changed_count,
        change_ratio,
        judged_count,
        hit_before_ratio,
        hit_after_ratio,
        gained_hit_count,
        lost_hit_count,
        cast(case when is_cost_known then allocated_cost_usd end as decimal(18, 6)) as allocated_cost_usd,
        case
            when is_cost_known then {{ usd_per('compared_cost_usd', 'changed_count') }}
        end as cost_usd_per_changed_rerank,
        covered_day_count,
        covered_day_count = 7 as is_complete_week,
        week_start_date
    from rerankers_with_reason
)

select * from weekly_rerankers
