{#
    Grain: one row per usage_date, feature_id, dimension and metric_name; feature_id `total` is all features together.

    Values are ratios of sums. Equality with a bound is `watch`; fewer samples than the threshold's smallest, or a larger share
    of samples of which nothing is known than it bears, is `insufficient`. Without a threshold it is `no_threshold`, known or not.
#}
with

metrics as (
    {% for metric in [
        'token_amplifications', 'routing_mixes', 'retrieval_hits', 'unused_documents', 'rerankers', 'prompt_caches',
        'prompt_prefixes', 'cache_opportunities', 'repeated_queries', 'retried_calls', 'routing_escalations'
    ] %}
    select * from {{ ref('int_' ~ metric ~ '_measured') }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

excess_outputs as (
    select * from {{ ref('int_excess_outputs_priced') }}
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
        excess_outputs.excess_output_cost_usd as cost_at_stake_usd,
        thresholds.healthy_bound,
        thresholds.warning_bound,
        thresholds.healthy_lower_bound,
        thresholds.smallest_sample_count,
        thresholds.largest_unknown_ratio,
        coalesce(thresholds.is_least_value, false) as is_least_value,
        coalesce(
            validations.validation, case when metrics.dimension = 'evidence=overlap_estimate' then 'unvalidated' end
        ) as validation
    from metrics
    left join thresholds
        on {{ is_threshold_of('metrics') }}
    left join validations
        on
            metrics.usage_date = validations.usage_date
            and metrics.feature_id = validations.feature_id
            and metrics.dimension = validations.dimension
            and metrics.metric_name = validations.metric_name
    left join excess_outputs
        on
            metrics.metric_name = excess_outputs.metric_name
            and metrics.usage_date = excess_outputs.usage_date
            and metrics.feature_id = excess_outputs.feature_id
            and metrics.dimension = excess_outputs.dimension
),

daily_metrics as (
    select
        feature_id,
        dimension,
        metric_name,
        {{ metric_status() }} as status,
        validation,
        numerator,
        denominator,
        value,
        sample_count,
        considered_count,
        unknown_ratio,
        cast(cost_at_stake_usd as decimal(18, 6)) as cost_at_stake_usd,
        healthy_bound,
        warning_bound,
        usage_date
    from metrics_with_bounds
)

select * from daily_metrics
