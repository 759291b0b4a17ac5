{#
    Per billing period, invoice and service: the lines in the lake are as many, and cost as much, as the totals of the export say
    of those that landed, in the currency of the bill. What an invoice has beyond them is in the totals too.
#}
with

landed as (
    select
        'aws_cur' as billing_source,
        billing_period,
        invoice_id,
        product_code as service,
        count(*) as line_count,
        sum(billed_cost) as billed_cost
    from {{ ref('stg_aws_billing__line_items') }}
    group by billing_period, invoice_id, product_code
    union all
    select
        'aws_focus' as billing_source,
        billing_period,
        invoice_id,
        service_name as service,
        count(*) as line_count,
        sum(billed_cost) as billed_cost
    from {{ ref('stg_focus__charges') }}
    group by billing_period, invoice_id, service_name
),

totals as (
    select
        'aws_cur' as billing_source,
        billing_period,
        invoice_id,
        product_code as service,
        sum(line_count) as line_count,
        sum(billed_cost) as billed_cost
    from {{ ref('stg_aws_billing__invoice_totals') }}
    where is_landed
    group by billing_period, invoice_id, product_code
    union all
    select
        'aws_focus' as billing_source,
        billing_period,
        invoice_id,
        service_name as service,
        sum(line_count) as line_count,
        sum(billed_cost) as billed_cost
    from {{ ref('stg_focus__invoice_totals') }}
    where is_landed
    group by billing_period, invoice_id, service_name
)

select
    coalesce(landed.billing_source, totals.billing_source) as billing_source,
    coalesce(landed.billing_period, totals.billing_period) as billing_period,
    coalesce(landed.invoice_id, totals.invoice_id) as invoice_id,
    coalesce(landed.service, totals.service) as service,
    landed.line_count,
    totals.line_count as total_line_count,
    landed.billed_cost,
    totals.billed_cost as total_billed_cost
from landed
full join totals
    on
        landed.billing_source = totals.billing_source
        and landed.billing_period = totals.billing_period
        and landed.invoice_id is not distinct from totals.invoice_id
        and landed.service is not distinct from totals.service
where
    landed.line_count is distinct from totals.line_count
    or landed.billed_cost is distinct from totals.billed_cost
