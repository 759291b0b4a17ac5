{#
    Grain: one row per sub-cell (cell_id, owner_feature_id, owner_attribution) and row of int_billing_cells_allocated that pays
    for a part of it.

    The weight is what the payer pays of the sub-cell, in micro-dollars. Where a sub-cell costs less than one, it is the payer's
    tokens, and where there are none either the remainder's payer takes all. Weights have no sign, and nobody has none.
#}
with

sub_cells as (
    select * from {{ ref('int_billing_cells_summed') }}
),

shares as (
    select * from {{ ref('int_traced_shares_divided') }}
),

cells_allocated as (
    select * from {{ ref('int_billing_cells_allocated') }}
    where cost_status != 'estimated'
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

callers as (
    select
        shares.owner_feature_id,
        shares.owner_attribution,
        cells_allocated.*,
        abs(shares.share_micro_usd) as micro_usd,
        1 as payer_order
    from shares
    inner join cells_allocated
        on
            shares.cell_id = cells_allocated.cell_id
            and shares.feature_id = cells_allocated.feature_id
            and shares.pipeline_id = cells_allocated.pipeline_id
            and shares.service_name = cells_allocated.service_name
            and shares.task_type = cells_allocated.task_type
            and shares.model_tier = cells_allocated.model_tier
            -- A caller's own row: what was traced without a feature is unattributed, and no other row has that reason.
            and (cells_allocated.attribution = 'traced' or cells_allocated.unattributed_reason = 'no_feature')
),

remainders as (
    select
        sub_cells.owner_feature_id,
        sub_cells.owner_attribution,
        cells_allocated.*,
        abs({{ to_micro_usd('sub_cells.billed_cost_usd') }} - coalesce(shares_of_sub_cells.share_micro_usd, 0))
            as micro_usd,
        0 as payer_order
    from sub_cells
    left join shares_of_sub_cells
        on
            sub_cells.cell_id = shares_of_sub_cells.cell_id
            and sub_cells.owner_feature_id is not distinct from shares_of_sub_cells.owner_feature_id
            and sub_cells.owner_attribution is not distinct from shares_of_sub_cells.owner_attribution
    inner join cells_allocated
        on
            sub_cells.cell_id = cells_allocated.cell_id
            and cells_allocated.attribution = case
                when sub_cells.charge_category = 'usage' then coalesce(sub_cells.owner_attribution, 'unattributed')
                else 'not_a_usage_charge'
            end
            and (sub_cells.owner_feature_id = cells_allocated.feature_id or sub_cells.owner_feature_id is null)
            and cells_allocated.unattributed_reason is distinct from 'no_feature'
),

payers as (
    select * from callers
    union all
    select * from remainders
),

payers_weighted as (
    select
        *,
        case
            when sum(micro_usd) over sub_cell > 0 then micro_usd
            when sum(greatest(tokens, 0)) over sub_cell > 0 then greatest(tokens, 0)
            when
                row_number() over (
                    partition by cell_id, owner_feature_id, owner_attribution
                    order by payer_order, feature_id, pipeline_id, service_name, task_type, model_tier
                ) = 1
                then 1
            else 0
        end as weight
    from payers
    window sub_cell as (partition by cell_id, owner_feature_id, owner_attribution)
),

payers_with_weight as (
    select
        cell_id,
        owner_feature_id,
        feature_id,
        pipeline_id,
        owner_attribution,
        service_name,
        task_type,
        model_tier,
        attribution,
        unattributed_reason,
        cost_status,
        {{ whole_number('weight') }} as weight
    from payers_weighted
    where weight > 0
)

select * from payers_with_weight
