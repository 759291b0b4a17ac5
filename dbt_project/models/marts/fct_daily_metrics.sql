{#
    Grain: one row per usage_date, feature_id, dimension and metric_name; feature_id `total` is all features together.

    Values are ratios of sums. Equality with a bound is `watch`; fewer samples than the threshold's smallest, or a larger share
    of samples of which nothing is known than it bears, is `insufficient`.
#}
with

metrics as (
    {% for metric in [
        'token_amplifications', 'routing_mixes', 'retrieval_hits', 'unused_documents', 'rerankers', 'prompt_caches'
    ] %}
    select * from {{ ref('int_' ~ metric ~ '_measured') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

thresholds as (
    select * from {{ ref('metric_thresholds') }}
),

validations as (
    select * from {{ ref('int_use_validations_named') }}
),

metrics_with_bounds as (
    select
        metrics.*,
        metrics.numerator / nullif(metrics.denominator, 0) as value,
        thresholds.healthy_bound,
        thresholds.warning_bound,
        thresholds.smallest_sample_count,
        thresholds.largest_unknown_ratio,
        coalesce(
            validations.validation, case when metrics.dimension = 'evidence=overlap_estimate' then 'unvalidated' end
        ) as validation,
        -- Turned so that higher is better on both kinds of metric.
        case when thresholds.healthy_bound < thresholds.warning_bound then -1 else 1 end as better_sign
    from metrics
    left join thresholds
        on metrics.metric_name = thresholds.metric_name and metrics.dimension = thresholds.dimension
    left join validations
        on
            metrics.usage_date = validations.usage_date
            and metrics.feature_id = validations.feature_id
            and metrics.dimension = validations.dimension
            and metrics.metric_name = validations.metric_name
),

daily_metrics as (
    select
        feature_id,
        dimension,
        metric_name,
        case
            when value is null or sample_count < smallest_sample_count then 'insufficient'
            when unknown_ratio > largest_unknown_ratio then 'insufficient'
            when healthy_bound is null then 'no_threshold'
            when better_sign * value > better_sign * healthy_bound then 'healthy'
            when better_sign * value < better_sign * warning_bound then 'warning'
            else 'watch'
        end as status,
        validation,
        numerator,
        denominator,
        value,
        sample_count,
        healthy_bound,
        warning_bound,
        usage_date
    from metrics_with_bounds
)

select * from daily_metrics
