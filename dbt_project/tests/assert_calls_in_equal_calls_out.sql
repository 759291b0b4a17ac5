{#
    Landed call spans and log records are those that calls stand for; calls, calls in the mart and requests are equal by day, as the lake is read now.
#}
with

records as (
    select
        usage_date,
        is_llm_call
    from {{ ref('stg_otlp_traces__spans') }}
    union all
    select
        usage_date,
        is_llm_call
    from {{ ref('stg_xray_spans__spans') }}
    union all
    select
        usage_date,
        is_llm_call
    from {{ ref('stg_bedrock_logs__invocations') }}
),

spans as (
    select
        usage_date,
        count(*) as span_count
    from records
    where is_llm_call and usage_date < cast('{{ var("as_of_date") }}' as date)
    group by usage_date
),

deduplicated as (
    select
        usage_date,
        count(*) as call_count,
        sum(landed_span_count) as landed_span_count
    from {{ ref('int_llm_calls_deduplicated') }}
    group by usage_date
),

calls as (
    select
        usage_date,
        count(*) as call_count
    from {{ ref('fct_llm_calls') }}
    group by usage_date
),

requests as (
    select
        usage_date,
        sum(request_count) as request_count
    from {{ ref('int_daily_costs_allocated') }}
    where charge_category = 'usage'
    group by usage_date
),

span_totals as (
    select
        (select coalesce(sum(span_count), 0) from spans) as span_count,
        (select coalesce(sum(landed_span_count), 0) from deduplicated) as landed_span_count
),

days as (
    select
        deduplicated.usage_date,
        deduplicated.call_count,
        calls.call_count as mart_call_count,
        requests.request_count
    from deduplicated
    full join calls on deduplicated.usage_date = calls.usage_date
    full join requests on deduplicated.usage_date = requests.usage_date
)

-- Spans of one response may lie on two sides of midnight, so spans are held against calls over all days.
select
    null as usage_date,
    span_count as count_in,
    landed_span_count as count_out
from span_totals
where span_count != landed_span_count
union all
select
    usage_date,
    call_count as count_in,
    coalesce(mart_call_count, 0) as count_out
from days
where coalesce(call_count, 0) != coalesce(mart_call_count, 0) or coalesce(call_count, 0) != coalesce(request_count, 0)
