{#
    Grain: one row per span; trace_id and span_id.

    A span may land again, on another day or through another source. Of deliveries that differ the most complete usage wins, then
    the object key.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_of_changed_trace('trace_id')) }}") }}
with

deliveries_ranked as (
    select
        *,
        count(*) over (partition by trace_id, span_id) as delivery_count,
        row_number() over (
            partition by trace_id, span_id
            order by
                has_usage desc,
                usage_figure_count desc,
                object_key asc nulls last,
                object_line asc nulls last,
                landing_date asc nulls last,
                source asc
        ) as delivery_rank
    from {{ ref('int_spans_unioned') }}
    where {{ is_of_changed_trace('trace_id', 'landing_date') }}
),

spans as (
    select
        {{ span_columns() }},
        delivery_count
    from deliveries_ranked
    where delivery_rank = 1
)

select * from spans
order by usage_date
