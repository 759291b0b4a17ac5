{# Each call is in one journey: the calls of all journeys are all calls. #}
with

calls as (
    select count(*) as call_count
    from {{ ref('fct_llm_calls') }}
),

journeys as (
    select coalesce(sum(request_count), 0) as request_count
    from {{ ref('rpt_journey_costs') }}
)

select
    calls.call_count,
    journeys.request_count
from calls
cross join journeys
where calls.call_count != journeys.request_count
