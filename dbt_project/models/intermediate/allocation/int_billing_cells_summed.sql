{#
    Grain: one row per sub-cell: cell_id, owner_feature_id and owner_attribution.

    A cell is the finest key that the bill carries without saying who asked: day, provider, account, charge category, model,
    token class, region scope and processing. A sub-cell is the part of it with one owner by tag or principal, or none.
    Here, and only here, billed cost is rounded to micro-dollars; what that takes away stays in rounding_cost_usd.
#}
with

lines as (
    select * from {{ ref('int_billing_lines_classified') }}
),

bill_ends as (
    select
        provider_name,
        billing_account_id,
        max(usage_ended_at) as usage_ended_at
    from lines
    where charge_category = 'usage'
    group by provider_name, billing_account_id
),

lines_summed as (
    select
        {{ cell_id('charge_category') }} as cell_id,
        billing_account_id,
        owner_feature_id,
        owner_attribution,
        provider_name,
        charge_category,
        model_id,
        token_class,
        region_scope,
        processing,
        cast(sum(billed_tokens) as bigint) as billed_tokens,
        cast(sum(billed_search_unit_count) as bigint) as billed_search_unit_count,
        sum(billed_cost_usd) as exact_cost_usd,
        count(*) as line_count,
        bool_or(
            billed_cost_usd != 0 and billed_tokens is null and billed_search_unit_count is null
        ) as has_uncounted_cost,
        usage_date
    from lines
    group by all
),

cells_summed as (
    select
        lines_summed.cell_id,
        lines_summed.owner_feature_id,
        lines_summed.billing_account_id,
        lines_summed.owner_attribution,
        lines_summed.provider_name,
        lines_summed.charge_category,
        lines_summed.model_id,
        lines_summed.token_class,
        lines_summed.region_scope,
        lines_summed.processing,
        lines_summed.line_count,
        lines_summed.billed_tokens,
        lines_summed.billed_search_unit_count,
        cast(lines_summed.exact_cost_usd as decimal(18, 6)) as billed_cost_usd,
        cast(
            lines_summed.exact_cost_usd - cast(lines_summed.exact_cost_usd as decimal(18, 6)) as decimal(38, 12)
        ) as rounding_cost_usd,
        lines_summed.has_uncounted_cost,
        coalesce(bill_ends.usage_ended_at >= lines_summed.usage_date + interval 1 day, false) as is_settled,
        lines_summed.usage_date
    from lines_summed
    left join bill_ends
        on
            lines_summed.provider_name = bill_ends.provider_name
            and lines_summed.billing_account_id = bill_ends.billing_account_id
)

select * from cells_summed
