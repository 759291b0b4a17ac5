{#
    Grain: one row per decision_id, week_start_date (NULL: before it shipped) and stratum_id: how much was asked, what that cost, and
    of how much of it the cost is not known.

    Traces are those in which any span names the feature, be it that no model was called: an answer out of a cache is asked for too,
    where the application traces it. A call without a trace counts as one.
#}
with

decision_days as (
    select * from {{ ref('int_decision_days_listed') }}
),

decision_calls as (
    select * from {{ ref('int_decision_calls_found') }}
),

feature_aliases as (
    select
        alias,
        feature_id,
        valid_from,
        valid_to
    from {{ ref('feature_aliases') }}
),

spans as (
    select
        trace_id,
        feature_id as named_feature_id,
        usage_date
    from {{ ref('int_spans_deduplicated') }}
    where feature_id is not null
),

spans_of_features as (
    select
        spans.trace_id,
        coalesce(feature_aliases.feature_id, spans.named_feature_id) as feature_id,
        spans.usage_date
    from spans
    left join feature_aliases
        on
            spans.named_feature_id = feature_aliases.alias
            and (spans.usage_date >= feature_aliases.valid_from or feature_aliases.valid_from is null)
            and (spans.usage_date < feature_aliases.valid_to or feature_aliases.valid_to is null)
),

traces as (
    select
        decision_days.decision_id,
        'all' as stratum_id,
        spans_of_features.trace_id,
        decision_days.week_start_date
    from decision_days
    inner join spans_of_features
        on
            decision_days.feature_id = spans_of_features.feature_id
            and decision_days.usage_date = spans_of_features.usage_date
    where decision_days.volume_basis = 'traces'
    union
    select
        decision_id,
        stratum_id,
        coalesce(trace_id, call_id) as trace_id,
        week_start_date
    from decision_calls
    where volume_basis = 'traces'
),

traces_counted as (
    select
        decision_id,
        stratum_id,
        count(*) as volume_count,
        week_start_date
    from traces
    group by decision_id, stratum_id, week_start_date
),

calls_counted as (
    select
        decision_id,
        stratum_id,
        volume_basis,
        count(*) filter (where is_generating) as generating_call_count,
        count(*) as request_count,
        count(*) filter (where allocated_cost_usd is null) as unknown_cost_call_count,
        coalesce(sum(input_tokens), 0) as input_tokens,
        coalesce(sum(output_tokens), 0) as output_tokens,
        coalesce(
            sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) filter (where allocated_cost_usd is null), 0
        ) as unknown_cost_tokens,
        coalesce(sum(allocated_cost_usd), 0) as allocated_cost_usd,
        week_start_date
    from decision_calls
    group by decision_id, stratum_id, volume_basis, week_start_date
),

volumes_counted as (
    select
        coalesce(calls_counted.decision_id, traces_counted.decision_id) as decision_id,
        coalesce(calls_counted.stratum_id, traces_counted.stratum_id) as stratum_id,
        cast(coalesce(traces_counted.volume_count, calls_counted.generating_call_count) as bigint) as volume_count,
        cast(coalesce(calls_counted.request_count, 0) as bigint) as request_count,
        cast(coalesce(calls_counted.unknown_cost_call_count, 0) as bigint) as unknown_cost_call_count,
        cast(coalesce(calls_counted.input_tokens, 0) as bigint) as input_tokens,
        cast(coalesce(calls_counted.output_tokens, 0) as bigint) as output_tokens,
        cast(coalesce(calls_counted.unknown_cost_tokens, 0) as bigint) as unknown_cost_tokens,
        cast(coalesce(calls_counted.allocated_cost_usd, 0) as decimal(38, 12)) as allocated_cost_usd,
        coalesce(calls_counted.week_start_date, traces_counted.week_start_date) as week_start_date
    from calls_counted
    full join traces_counted
        on
            calls_counted.decision_id = traces_counted.decision_id
            and calls_counted.stratum_id = traces_counted.stratum_id
            and calls_counted.week_start_date is not distinct from traces_counted.week_start_date
)

select * from volumes_counted
