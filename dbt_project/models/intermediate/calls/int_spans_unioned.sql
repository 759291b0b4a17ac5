{#
    Grain: one row per landed span: source, trace_id, span_id and landing_date.

    Spans of every source of spans. Another source is one more `union all` here, with a name of its own in `source`. Spans from the
    as_of date on wait for the build that covers their day: a clock was ahead of ours.
#}
with

otlp_spans as (
    select * from {{ ref('stg_otlp_traces__spans') }}
),

xray_spans as (
    select * from {{ ref('stg_xray_spans__spans') }}
),

all_spans as (
    select
        'traces' as source,
        *
    from otlp_spans
    union all
    select
        'xray_spans' as source,
        *
    from xray_spans
),

spans_unioned as (
    select {{ span_columns() }}
    from all_spans
    where usage_date < cast('{{ var("as_of_date") }}' as date)
)

select * from spans_unioned
