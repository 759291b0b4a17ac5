{#
    Grain: one row per usage_date, charge_category, provider_name, billing_account_id, model_id, token_class, region_scope,
    processing and cell_grain. In every row that has a bill: billed = allocated + unattributed, exactly.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

charges as (
    select * from {{ ref('int_billing_cells_summed') }}
    where {{ is_on_changed_day() }}
),

cells_covered as (
    select * from {{ ref('int_billing_cells_covered') }}
    where {{ is_on_changed_day() }}
),

cells_allocated as (
    select * from {{ ref('int_billing_cells_allocated') }}
    where {{ is_on_changed_day() }}
),

callers as (
    select * from {{ ref('int_callers_summed') }}
    where {{ is_on_changed_day() }}
),

billed as (
    select
        cell_id,
        sum(billed_tokens) as billed_tokens,
        sum(billed_search_unit_count) as billed_search_unit_count,
        sum(billed_cost_usd) as billed_cost_usd,
        sum(rounding_cost_usd) as rounding_cost_usd,
        {{ joined_distinct('owner_attribution') }} as sub_keys
    from charges
    group by cell_id
),

-- How far a bill reaches is the same for all cells of an account and day, those that it does not have included.
account_days_settled as (
    select
        provider_name,
        billing_account_id,
        usage_date,
        bool_and(is_settled) as is_settled
    from charges
    group by provider_name, billing_account_id, usage_date
),

covered_sub_cells as (
    select distinct
        cell_id,
        owner_feature_id,
        owner_attribution,
        coverage_basis,
        billed_quantity,
        matched_quantity,
        disagreeing_quantity,
        traced_micro_usd
    from cells_covered
),

covered as (
    select
        cell_id,
        any_value(coverage_basis) as coverage_basis,
        sum(billed_quantity) as billed_quantity,
        sum(matched_quantity) as matched_quantity,
        sum(disagreeing_quantity) as disagreeing_quantity,
        {{ micro_to_usd('sum(traced_micro_usd)') }} as traced_share_usd
    from covered_sub_cells
    group by cell_id
),

traced as (
    select
        cell_id,
        coalesce(sum(quantity) filter (where token_class != 'search_unit'), 0) as traced_tokens,
        coalesce(sum(quantity) filter (where token_class = 'search_unit'), 0) as traced_search_unit_count
    from callers
    group by cell_id
),

allocated as (
    select
        cell_id,
        billing_account_id,
        provider_name,
        charge_category,
        model_id,
        token_class,
        region_scope,
        processing,
        bool_or(cost_status = 'billed') as is_billed_day,
        sum(estimated_cost_usd) as estimated_cost_usd,
        coalesce(
            sum(allocated_cost_usd) filter (where attribution in ('traced', 'tag', 'principal')), 0
        ) as allocated_cost_usd,
        coalesce(
            sum(allocated_cost_usd) filter (where attribution in ('unattributed', 'not_a_usage_charge')), 0
        ) as unattributed_cost_usd,
        usage_date
    from cells_allocated
    group by all
),

reconciliations as (
    select
        allocated.billing_account_id,
        allocated.provider_name,
        allocated.charge_category,
        allocated.model_id,
        allocated.token_class,
        allocated.region_scope,
        allocated.processing,
        case when billed.sub_keys is null then 'model' else 'model+' || billed.sub_keys end as cell_grain,
        covered.coverage_basis,
        cast(case when allocated.is_billed_day then coalesce(billed.billed_tokens, 0) end as bigint) as billed_tokens,
        cast(coalesce(traced.traced_tokens, 0) as bigint) as traced_tokens,
        cast(
            case when allocated.is_billed_day then coalesce(billed.billed_search_unit_count, 0) end as bigint
        ) as billed_search_unit_count,
        cast(coalesce(traced.traced_search_unit_count, 0) as bigint) as traced_search_unit_count,
        cast(coalesce(covered.disagreeing_quantity, 0) as bigint) as disagreeing_quantity,
        cast(allocated.estimated_cost_usd as decimal(18, 6)) as estimated_cost_usd,
        cast(
            case when allocated.is_billed_day then coalesce(billed.billed_cost_usd, 0) end as decimal(18, 6)
        ) as billed_cost_usd,
        cast(
            case when allocated.is_billed_day then allocated.allocated_cost_usd end as decimal(18, 6)
        ) as allocated_cost_usd,
        cast(
            case when allocated.is_billed_day then allocated.unattributed_cost_usd end as decimal(18, 6)
        ) as unattributed_cost_usd,
        cast(coalesce(billed.rounding_cost_usd, 0) as decimal(38, 12)) as rounding_cost_usd,
        round(
            100 * cast(covered.matched_quantity as double) / nullif(cast(covered.billed_quantity as double), 0), 6
        ) as coverage_pct,
        round(
            100 * cast(allocated.estimated_cost_usd - covered.traced_share_usd as double)
            / nullif(cast(covered.traced_share_usd as double), 0),
            6
        ) as error_pct,
        -- A day that counts as billed without a line is one of a final month.
        coalesce(account_days_settled.is_settled, allocated.is_billed_day) as is_settled,
        allocated.usage_date
    from allocated
    left join billed on allocated.cell_id = billed.cell_id
    left join covered on allocated.cell_id = covered.cell_id
    left join traced on allocated.cell_id = traced.cell_id
    left join account_days_settled
        on
            allocated.provider_name = account_days_settled.provider_name
            and allocated.billing_account_id = account_days_settled.billing_account_id
            and allocated.usage_date = account_days_settled.usage_date
)

select * from reconciliations
