{#
    Grain: one row per usage_date and feature_id; feature_id `total` is all features together.

    Generating calls that try again what failed: the call before of the same pipeline and feature, in the same journey, of the same user or in
    the same trace, ended in an error within the window ÷ all generating calls.
#}
with

calls as (
    select
        call_id,
        feature_id,
        pipeline_id,
        -- Forgotten users are many under one name.
        coalesce(journey_id, nullif(user_id, 'forgotten_user'), trace_id, call_id) as asker_id,
        is_error,
        usage_date,
        started_at
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

windows as (
    select cast(bound as bigint) as window_s
    from {{ ref('reporting_bounds') }}
    where bound_name = 'asked_again_window_s'
),

calls_with_one_before as (
    select
        feature_id,
        lag(is_error) over (
            partition by feature_id, pipeline_id, asker_id
            order by started_at, call_id
        ) as has_failed_before,
        {{ milliseconds_between(
            'lag(started_at) over (partition by feature_id, pipeline_id, asker_id order by started_at, call_id)',
            'started_at'
        ) }} as waited_ms,
        usage_date
    from calls
),

calls_judged as (
    select
        calls_with_one_before.feature_id,
        coalesce(
            calls_with_one_before.has_failed_before
            and calls_with_one_before.waited_ms <= windows.window_s * 1000, false
        ) as is_retry,
        windows.window_s,
        calls_with_one_before.usage_date
    from calls_with_one_before
    cross join windows
),

calls_with_total as (
    select * from calls_judged
    union all
    select
        'total' as feature_id,
        is_retry,
        window_s,
        usage_date
    from calls_judged
),

retried_calls_measured as (
    select
        feature_id,
        'window_s=' || cast(window_s as string) as dimension,
        'retried_call_ratio' as metric_name,
        cast(count(*) filter (where is_retry) as double) as numerator,
        cast(count(*) as double) as denominator,
        cast(count(*) as bigint) as sample_count,
        cast(count(*) as bigint) as considered_count,
        cast(null as double) as unknown_ratio,
        usage_date
    from calls_with_total
    group by usage_date, feature_id, window_s
)

select * from retried_calls_measured
