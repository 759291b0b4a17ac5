{#
    Every landed span is kept, duplicate or superseded, by landing day; a landed span is what its object was said to have loaded;
    and each call of a span has exactly one kept row.
#}
with

spans as (
    select
        'traces' as source,
        usage_date,
        landing_date
    from {{ ref('stg_otlp_traces__spans') }}
    union all
    select
        'xray_spans' as source,
        usage_date,
        landing_date
    from {{ ref('stg_xray_spans__spans') }}
),

landed as (
    select
        source,
        landing_date,
        count(*) as landed_count,
        count(*) filter (where usage_date < cast('{{ var("as_of_date") }}' as date)) as due_count
    from spans
    group by source, landing_date
),

settled as (
    select
        source,
        landing_date,
        count(*) filter (where role in ('kept', 'duplicate', 'superseded')) as settled_count
    from {{ ref('int_landed_spans_settled') }}
    group by source, landing_date
),

objects as (
    select
        source,
        landing_date,
        sum(loaded_count) as loaded_count
    from {{ ref('stg_lake__extract_objects') }}
    where source in ('traces', 'xray_spans')
    group by source, landing_date
),

calls as (
    select
        call_id,
        count(*) as kept_count
    from {{ ref('int_landed_spans_settled') }}
    where role = 'kept' and call_id is not null
    group by call_id
)

select
    landed.source || ' ' || cast(landed.landing_date as string) as what,
    landed.due_count as count_in,
    coalesce(settled.settled_count, 0) as count_out
from landed
left join settled on landed.source = settled.source and landed.landing_date = settled.landing_date
where landed.due_count != coalesce(settled.settled_count, 0)
union all
select
    objects.source || ' ' || cast(objects.landing_date as string) as what,
    objects.loaded_count as count_in,
    coalesce(landed.landed_count, 0) as count_out
from objects
left join landed on objects.source = landed.source and objects.landing_date = landed.landing_date
where objects.loaded_count != coalesce(landed.landed_count, 0)
union all
select
    call_id as what,
    1 as count_in,
    kept_count as count_out
from calls
where kept_count != 1
