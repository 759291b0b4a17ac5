{#
    Grain: one row per usage_date and feature_id; feature_id `total` is all features together.

    Queries that their user asked again within minutes, in the same or in other words ÷ queries of which user and text are known.
#}
with

queries as (
    select
        feature_id,
        is_asked_again,
        usage_date
    from {{ ref('int_queries_priced') }}
    where is_repeat is not null
),

windows as (
    select cast(bound as bigint) as window_s
    from {{ ref('reporting_bounds') }}
    where bound_name = 'asked_again_window_s'
),

queries_with_total as (
    select * from queries
    union all
    select
        'total' as feature_id,
        is_asked_again,
        usage_date
    from queries
),

queries_counted as (
    select
        feature_id,
        count(*) as query_count,
        count(is_asked_again) as known_count,
        count(*) filter (where is_asked_again) as repeated_count,
        usage_date
    from queries_with_total
    group by usage_date, feature_id
),

repeated_queries_measured as (
    select
        queries_counted.feature_id,
        'window_s=' || cast(windows.window_s as string) as dimension,
        'repeated_query_ratio' as metric_name,
        cast(queries_counted.repeated_count as double) as numerator,
        cast(queries_counted.known_count as double) as denominator,
        cast(queries_counted.known_count as bigint) as sample_count,
        cast(queries_counted.query_count as bigint) as considered_count,
        {{ ratio('queries_counted.query_count - queries_counted.known_count', 'queries_counted.query_count') }}
            as unknown_ratio,
        queries_counted.usage_date
    from queries_counted
    cross join windows
)

select * from repeated_queries_measured
