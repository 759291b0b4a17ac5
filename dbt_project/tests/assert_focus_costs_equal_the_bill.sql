{#
    The FOCUS export is the bill, and the other marts seen through it. By invoice, period, account, kind and currency it costs what the
    bill's lines cost, to the 12th place, in both currencies and by each kind of cost; and counts their tokens. By day, account, kind,
    model and token class it costs what was reconciled, once the rounding of cells to micro-dollars is put back. What a feature pays
    differs from the allocated costs by no more than that rounding, half a micro-dollar for each charge.
#}
-- noqa: disable=capitalisation.identifiers
with

bill as (
    select
        concat_ws(
            '|',
            coalesce(payer_account_id, billing_account_id),
            billing_account_id,
            billing_period,
            coalesce(invoice_id, 'not invoiced'),
            charge_category,
            currency_code
        ) as part,
        coalesce(sum(billed_cost), 0) as billed_cost,
        coalesce(sum(effective_cost), 0) as effective_cost,
        coalesce(sum(billed_cost_usd), 0) as billed_cost_usd,
        coalesce(sum(billed_tokens), 0) as billed_tokens,
        coalesce(sum(usage_amount), 0) as usage_amount
    from {{ ref('int_billing_lines_classified') }}
    group by part
),

exported as (
    select
        concat_ws(
            '|',
            BillingAccountId,
            SubAccountId,
            left(cast(BillingPeriodStart as string), 7),
            coalesce(InvoiceId, 'not invoiced'),
            x_ChargeKind,
            BillingCurrency
        ) as part,
        coalesce(sum(BilledCost), 0) as billed_cost,
        coalesce(sum(EffectiveCost), 0) as effective_cost,
        coalesce(sum(x_BilledCostUsd), 0) as billed_cost_usd,
        coalesce(sum(x_Tokens), 0) as billed_tokens
    from {{ ref('rpt_focus_costs') }}
    group by part
),

quantities as (
    select
        concat_ws(
            '|',
            coalesce(payer_account_id, billing_account_id),
            billing_account_id,
            billing_period,
            coalesce(invoice_id, 'not invoiced'),
            charge_category,
            currency_code
        ) as part,
        coalesce(sum(usage_amount), 0) as usage_amount
    from {{ ref('int_billed_charges_divided') }}
    group by part
),

parts_that_differ as (
    select coalesce(bill.part, exported.part) as part
    from bill
    full join exported on bill.part = exported.part
    left join quantities on bill.part = quantities.part
    where
        bill.billed_cost is distinct from exported.billed_cost
        or bill.effective_cost is distinct from exported.effective_cost
        or bill.billed_cost_usd is distinct from exported.billed_cost_usd
        or bill.billed_tokens is distinct from exported.billed_tokens
        or bill.usage_amount is distinct from quantities.usage_amount
),

cells as (
    select
        concat_ws('|', usage_date, billing_account_id, charge_category, model_id, token_class, region_scope, processing)
            as part,
        sum(billed_cost_usd + rounding_cost_usd) as cost_usd
    from {{ ref('int_daily_cells_reconciled') }}
    where billed_cost_usd is not null
    group by part
),

cells_exported as (
    select
        concat_ws(
            '|',
            x_BilledDate,
            SubAccountId,
            x_ChargeKind,
            x_ModelId,
            x_TokenClass,
            x_RegionScope,
            x_Processing
        ) as part,
        sum(x_BilledCostUsd) as cost_usd
    from {{ ref('rpt_focus_costs') }}
    group by part
),

cells_that_differ as (
    select coalesce(cells.part, cells_exported.part) as part
    from cells
    full join cells_exported on cells.part = cells_exported.part
    -- What was traced and is not on the bill is in the reconciliation alone, at no cost.
    where coalesce(cells.cost_usd, 0) != coalesce(cells_exported.cost_usd, 0)
),

features as (
    select
        concat_ws(
            '|', usage_date, billing_account_id, charge_category, feature_id, pipeline_id, service_name, attribution
        ) as part,
        sum(allocated_cost_usd) as cost_usd
    from {{ ref('int_daily_costs_allocated') }}
    where cost_status != 'estimated'
    group by part
),

features_exported as (
    select
        concat_ws(
            '|',
            x_BilledDate,
            SubAccountId,
            x_ChargeKind,
            x_FeatureId,
            x_PipelineId,
            x_ServiceName,
            x_Attribution
        ) as part,
        sum(x_BilledCostUsd) as cost_usd,
        0.000001 * count(*) as rounding_bound_usd
    from {{ ref('rpt_focus_costs') }}
    group by part
),

features_that_differ as (
    select coalesce(features.part, features_exported.part) as part
    from features
    full join features_exported on features.part = features_exported.part
    where
        abs(coalesce(features.cost_usd, 0) - coalesce(features_exported.cost_usd, 0))
        > coalesce(features_exported.rounding_bound_usd, 0)
)

select
    'bill' as what,
    part
from parts_that_differ
union all
select
    'cell' as what,
    part
from cells_that_differ
union all
select
    'feature' as what,
    part
from features_that_differ
