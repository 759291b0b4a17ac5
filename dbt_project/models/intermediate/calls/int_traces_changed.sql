{#
    Grain: one row per trace_key, usage_date and landing_date of the traces that this build makes again; empty in a build from nothing,
    which makes all of them.

    Those of which a landing is new, gone or of other content since the build that this one began as; those with a span that
    was not due then; and whatever a provider's id joins to one of these, as it was and as it is: a call is settled over
    all traces that tell of it. A trace is made again with all its spans, on whatever days they lie.
#}
{{ config(materialized='table') }}
with recursive

indexed as (
    select
        trace_key,
        response_id,
        request_id,
        usage_date,
        landing_date,
        (source = 'traces' and {{ is_landed_since('traces') }})
        or (source = 'xray_spans' and {{ is_landed_since('xray_spans') }})
        or (source = 'bedrock_logs' and {{ is_landed_since('bedrock_logs') }}) as is_landed_since
    from {{ ref('int_landed_traces_indexed') }}
),

{% if var('built_on_as_of_date', '') != '' %}
gone as (
    select
        trace_key,
        response_id,
        request_id,
        usage_date,
        cast(null as date) as landing_date
    from {{ source('lake', 'gone_traces') }}
),

touched as (
    select trace_key from gone
    union
    select trace_key from indexed
    where is_landed_since or usage_date >= cast('{{ var("built_on_as_of_date") }}' as date)
),
{% else %}
gone as (
    select
        trace_key,
        response_id,
        request_id,
        usage_date,
        landing_date
    from indexed
    where false
),

touched as (
    select trace_key from gone
),
{% endif %}

before_and_after as (
    select
        trace_key,
        response_id,
        request_id,
        usage_date,
        landing_date
    from indexed
    union all
    select * from gone
),

provider_ids as (
    select distinct
        trace_key,
        'response_id' as id_kind,
        response_id as provider_id
    from before_and_after
    where response_id is not null
    union all
    select distinct
        trace_key,
        'request_id' as id_kind,
        request_id as provider_id
    from before_and_after
    where request_id is not null
),

reached as (
    select trace_key
    from touched
    {% if var('built_on_as_of_date', '') != '' %}
    union
    select beside.trace_key
    from reached
    inner join provider_ids as own on reached.trace_key = own.trace_key
    inner join provider_ids as beside on own.id_kind = beside.id_kind and own.provider_id = beside.provider_id
    {% endif %}
),

traces_changed as (
    select distinct
        before_and_after.trace_key,
        before_and_after.usage_date,
        before_and_after.landing_date
    from before_and_after
    inner join reached on before_and_after.trace_key = reached.trace_key
)

select * from traces_changed
