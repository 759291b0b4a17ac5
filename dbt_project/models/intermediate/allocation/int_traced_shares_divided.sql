{#
    Grain: one row per sub-cell and caller: cell_id, owner_feature_id, owner_attribution, feature_id, pipeline_id, service_name,
    task_type and model_tier.

    The traced share of each sub-cell, divided between the callers matched to it: in proportion to estimated cost, or to tokens
    where a caller of the cell has no price; in whole micro-dollars by integer division, the rest by largest fraction, ties by
    feature id. The shares of a sub-cell add up to its traced share exactly, or there are none: nothing had a weight.
#}
with

cells_covered as (
    select * from {{ ref('int_billing_cells_covered') }}
    where {{ is_on_changed_day() }}
),

callers as (
    select * from {{ ref('int_callers_summed') }}
    where {{ is_on_changed_day() }}
),

callers_weighted as (
    select
        *,
        case
            when is_weighed_by_cost then {{ to_pico_usd('estimated_cost_usd') }}
            else {{ whole_number('quantity') }}
        end as weight
    from callers
),

shares_weighted as (
    select
        cells_covered.cell_id,
        cells_covered.owner_feature_id,
        cells_covered.owner_attribution,
        cells_covered.traced_micro_usd,
        callers_weighted.feature_id,
        callers_weighted.pipeline_id,
        callers_weighted.service_name,
        callers_weighted.task_type,
        callers_weighted.model_tier,
        {{ whole_quotient(
            'callers_weighted.weight * cells_covered.weight_micro_quantity', 'cells_covered.traced_quantity'
        ) }} as weight
    from cells_covered
    inner join callers_weighted
        on
            cells_covered.cell_id = callers_weighted.cell_id
            and cells_covered.traced_feature_id = callers_weighted.feature_id
),

shares_summed as (
    select
        *,
        sum(weight) over (partition by cell_id, owner_feature_id, owner_attribution) as total_weight
    from shares_weighted
),

shares_divided as (
    select
        *,
        {{ whole_quotient('abs(traced_micro_usd) * weight', 'total_weight') }} as whole_micro_usd,
        (abs(traced_micro_usd) * weight) % total_weight as fraction
    from shares_summed
    where total_weight > 0
),

shares_ranked as (
    select
        *,
        abs(traced_micro_usd)
        - sum(whole_micro_usd) over (partition by cell_id, owner_feature_id, owner_attribution) as left_over_micro_usd,
        row_number() over (
            partition by cell_id, owner_feature_id, owner_attribution
            order by fraction desc, feature_id asc, pipeline_id asc, service_name asc, task_type asc, model_tier asc
        ) as fraction_rank
    from shares_divided
),

shares as (
    select
        cell_id,
        owner_feature_id,
        owner_attribution,
        feature_id,
        pipeline_id,
        service_name,
        task_type,
        model_tier,
        {{ whole_number(
            sign_of('traced_micro_usd')
            ~ ' * (whole_micro_usd + case when fraction_rank <= left_over_micro_usd then 1 else 0 end)'
        ) }} as share_micro_usd
    from shares_ranked
)

select * from shares
