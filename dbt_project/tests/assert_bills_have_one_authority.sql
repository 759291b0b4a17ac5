{#
    A provider's account and day that several bills are landed of has one that counts by seed billing_sources; else it would
    count twice.
#}
with

lines_by_source as (
    select distinct
        provider_name,
        billing_account_id,
        usage_date,
        billing_source
    from {{ ref('int_bill_lines_unioned') }}
),

billing_sources as (
    select * from {{ ref('billing_sources') }}
),

authorities as (
    select distinct
        lines_by_source.provider_name,
        lines_by_source.billing_account_id,
        lines_by_source.usage_date
    from lines_by_source
    inner join billing_sources
        on
            lines_by_source.provider_name = billing_sources.provider_name
            and billing_sources.billing_account_id in (lines_by_source.billing_account_id, '*')
            and lines_by_source.usage_date >= billing_sources.valid_from
            and (lines_by_source.usage_date < billing_sources.valid_to or billing_sources.valid_to is null)
)

select
    lines_by_source.provider_name,
    lines_by_source.billing_account_id,
    lines_by_source.usage_date,
    count(*) as bill_count
from lines_by_source
left join authorities
    on
        lines_by_source.provider_name = authorities.provider_name
        and lines_by_source.billing_account_id = authorities.billing_account_id
        and lines_by_source.usage_date = authorities.usage_date
where authorities.provider_name is null
group by lines_by_source.provider_name, lines_by_source.billing_account_id, lines_by_source.usage_date
having count(*) > 1
