{#
    Bounds for `any` beside others of the same slice would give a metric two rows; the two sides of a band lie in order.
#}
with

thresholds as (
    select * from {{ ref('metric_thresholds') }}
),

slices as (
    select
        metric_name,
        dimension
    from thresholds
    group by metric_name, dimension
    having count(*) > 1 and count(*) filter (where scope = 'any') > 0
),

bands_out_of_order as (
    select
        metric_name,
        dimension
    from thresholds
    where
        healthy_lower_bound >= healthy_bound
        or (healthy_lower_bound is not null and healthy_bound >= warning_bound)
        or (is_improving_healthy and trend_week_count is null)
        or trend_week_count < 1
),

thresholds_at_fault as (
    select * from slices
    union all
    select * from bands_out_of_order
)

select * from thresholds_at_fault
