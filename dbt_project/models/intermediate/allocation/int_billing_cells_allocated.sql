{#
    Grain: one row per cell_id, feature_id, pipeline_id, service_name, task_type, model_tier, attribution and unattributed_reason.

    Guarantees, in each cell that has a bill: the allocated costs add up to the billed cost exactly. Callers pay their traced
    shares; the untraced remainder of a sub-cell follows its own tag, then its principal, else it is unattributed. Where a day
    has no bill yet, the estimate stands in, with status `estimated`. Charges that are not usage are rows of their own.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

cells_covered as (
    select * from {{ ref('int_billing_cells_covered') }}
    where {{ is_on_changed_day() }}
),

charges as (
    select * from {{ ref('int_billing_cells_summed') }}
    where {{ is_on_changed_day() }}
),

calls as (
    select * from {{ ref('int_llm_calls_resolved') }}
    where {{ is_on_changed_day() }}
),

model_tiers as (
    select
        provider_name,
        model_id,
        model_tier
    from {{ ref('model_tiers') }}
),

shares as (
    select * from {{ ref('int_traced_shares_divided') }}
),

callers as (
    select * from {{ ref('int_callers_summed') }}
    where {{ is_on_changed_day() }}
),

billed_days as (
    select * from {{ ref('int_account_days_billed') }}
),

shares_of_callers as (
    select
        cell_id,
        feature_id,
        pipeline_id,
        service_name,
        task_type,
        model_tier,
        {{ whole_number('sum(share_micro_usd)') }} as share_micro_usd
    from shares
    group by all
),

shares_of_sub_cells as (
    select
        cell_id,
        owner_feature_id,
        owner_attribution,
        {{ whole_number('sum(share_micro_usd)') }} as share_micro_usd
    from shares
    group by all
),

billed_cells as (
    select distinct cell_id
    from cells_covered
),

callers_with_shares as (
    select
        callers.*,
        shares_of_callers.cell_id is not null as has_share,
        coalesce(shares_of_callers.share_micro_usd, 0) as share_micro_usd
    from callers
    left join shares_of_callers
        on
            callers.cell_id = shares_of_callers.cell_id
            and callers.feature_id = shares_of_callers.feature_id
            and callers.pipeline_id = shares_of_callers.pipeline_id
            and callers.service_name = shares_of_callers.service_name
            and callers.task_type = shares_of_callers.task_type
            and callers.model_tier = shares_of_callers.model_tier
),

traced_rows as (
    select
        callers.cell_id,
        callers.feature_id,
        callers.pipeline_id,
        callers.billing_account_id,
        callers.service_name,
        callers.task_type,
        callers.provider_name,
        'usage' as charge_category,
        callers.model_id,
        callers.model_tier,
        callers.token_class,
        callers.region_scope,
        callers.processing,
        case when callers.has_feature then 'traced' else 'unattributed' end as attribution,
        case
            when not callers.has_feature then 'no_feature'
            when billed_cells.cell_id is not null and callers.has_share then null
            when billed_cells.cell_id is not null then 'no_weight'
            when billed_days.usage_date is not null then 'not_on_bill'
            when not callers.is_priced then 'no_price'
        end as unattributed_reason,
        case when billed_days.usage_date is null then 'estimated' else 'billed' end as cost_status,
        case when callers.token_class = 'search_unit' then 0 else callers.quantity end as tokens,
        callers.estimated_cost_usd,
        case
            when billed_days.usage_date is null then callers.estimated_cost_usd
            else {{ micro_to_usd('callers.share_micro_usd') }}
        end as allocated_cost_usd,
        callers.usage_date
    from callers_with_shares as callers
    left join billed_cells on callers.cell_id = billed_cells.cell_id
    left join billed_days
        on
            callers.provider_name = billed_days.provider_name
            and callers.billing_account_id = billed_days.billing_account_id
            and callers.usage_date = billed_days.usage_date
),

-- Traced usage that no sub-cell had room for, or that has no price to be measured by.
cells_with_unplaced_callers as (
    select distinct cell_id
    from callers_with_shares
    where not has_share
),

models_with_unmeasured_calls as (
    select distinct
        provider_name,
        billing_account_id,
        model_id,
        region_scope,
        processing,
        usage_date
    from calls
    where not has_usage
),

sub_cells as (
    select distinct
        cell_id,
        owner_feature_id,
        billing_account_id,
        owner_attribution,
        provider_name,
        model_id,
        token_class,
        region_scope,
        processing,
        coverage_basis,
        billed_tokens,
        matched_quantity,
        billed_micro_usd,
        usage_date
    from cells_covered
),

remainders as (
    select
        sub_cells.*,
        sub_cells.billed_micro_usd - coalesce(shares_of_sub_cells.share_micro_usd, 0) as remainder_micro_usd,
        case
            when sub_cells.coverage_basis = 'tokens'
                then coalesce(sub_cells.billed_tokens, 0) - sub_cells.matched_quantity
            else 0
        end as untraced_tokens,
        shares_of_sub_cells.cell_id is not null as has_shares,
        shares_of_sub_cells.cell_id is null
        and (
            sub_cells.matched_quantity > 0
            or cells_with_unplaced_callers.cell_id is not null
            or models_with_unmeasured_calls.usage_date is not null
        ) as has_calls_without_weight
    from sub_cells
    left join shares_of_sub_cells
        on
            sub_cells.cell_id = shares_of_sub_cells.cell_id
            and sub_cells.owner_feature_id is not distinct from shares_of_sub_cells.owner_feature_id
            and sub_cells.owner_attribution is not distinct from shares_of_sub_cells.owner_attribution
    left join cells_with_unplaced_callers on sub_cells.cell_id = cells_with_unplaced_callers.cell_id
    left join models_with_unmeasured_calls
        on
            sub_cells.provider_name = models_with_unmeasured_calls.provider_name
            and sub_cells.billing_account_id = models_with_unmeasured_calls.billing_account_id
            and sub_cells.model_id = models_with_unmeasured_calls.model_id
            and sub_cells.region_scope = models_with_unmeasured_calls.region_scope
            and sub_cells.processing = models_with_unmeasured_calls.processing
            and sub_cells.usage_date = models_with_unmeasured_calls.usage_date
),

untraced_rows as (
    select
        remainders.cell_id,
        coalesce(remainders.owner_feature_id, 'unattributed') as feature_id,
        'unknown' as pipeline_id,
        remainders.billing_account_id,
        'unknown' as service_name,
        'unknown' as task_type,
        remainders.provider_name,
        'usage' as charge_category,
        remainders.model_id,
        coalesce(model_tiers.model_tier, 'unknown') as model_tier,
        remainders.token_class,
        remainders.region_scope,
        remainders.processing,
        coalesce(remainders.owner_attribution, 'unattributed') as attribution,
        case
            when remainders.owner_feature_id is not null then null
            when remainders.model_id = 'unknown' then 'unknown_model'
            when remainders.token_class = 'unknown' then 'unknown_usage_type'
            when remainders.has_calls_without_weight then 'no_weight'
            else 'no_trace'
        end as unattributed_reason,
        'billed' as cost_status,
        remainders.untraced_tokens as tokens,
        cast(null as decimal(38, 12)) as estimated_cost_usd,
        {{ micro_to_usd('remainders.remainder_micro_usd') }} as allocated_cost_usd,
        remainders.usage_date
    from remainders
    left join model_tiers
        on remainders.provider_name = model_tiers.provider_name and remainders.model_id = model_tiers.model_id
    where remainders.remainder_micro_usd != 0 or remainders.untraced_tokens != 0 or not remainders.has_shares
),

other_charge_rows as (
    select
        charges.cell_id,
        'not_allocated' as feature_id,
        'unknown' as pipeline_id,
        charges.billing_account_id,
        'unknown' as service_name,
        'unknown' as task_type,
        charges.provider_name,
        charges.charge_category,
        charges.model_id,
        coalesce(model_tiers.model_tier, 'unknown') as model_tier,
        charges.token_class,
        charges.region_scope,
        charges.processing,
        'not_a_usage_charge' as attribution,
        cast(null as string) as unattributed_reason,
        'billed' as cost_status,
        0 as tokens,
        cast(null as decimal(38, 12)) as estimated_cost_usd,
        charges.billed_cost_usd as allocated_cost_usd,
        charges.usage_date
    from charges
    left join model_tiers
        on charges.provider_name = model_tiers.provider_name and charges.model_id = model_tiers.model_id
    where charges.charge_category != 'usage'
),

all_rows as (
    select * from traced_rows
    union all
    select * from untraced_rows
    union all
    select * from other_charge_rows
),

cells_allocated as (
    select
        cell_id,
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        charge_category,
        model_id,
        model_tier,
        token_class,
        region_scope,
        processing,
        attribution,
        unattributed_reason,
        cost_status,
        cast(tokens as bigint) as tokens,
        cast(estimated_cost_usd as decimal(38, 12)) as estimated_cost_usd,
        cast(allocated_cost_usd as decimal(38, 12)) as allocated_cost_usd,
        usage_date
    from all_rows
)

select * from cells_allocated
