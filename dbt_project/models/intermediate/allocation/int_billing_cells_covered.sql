{#
    Grain: one row per sub-cell of billed usage and feature whose traced usage was matched to it; a sub-cell that nothing was
    matched to has one row with a NULL traced_feature_id.

    Traced usage goes first to the sub-cells that its own feature owns (tag, then principal), what is left of it to the
    sub-cell without an owner, and only what overflows that to sub-cells of other owners: a trace beats a tag. Usage
    without a feature contests no tag. Matched usage never exceeds billed usage, so coverage never exceeds 1.
    Everything is counted in what the bill counts, whole tokens or search units; in whole micro-dollars of cost where it does
    not count all that it charges for.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

sub_cells as (
    select * from {{ ref('int_billing_cells_summed') }}
    where charge_category = 'usage' and {{ is_on_changed_day() }}
),

callers as (
    select * from {{ ref('int_callers_summed') }}
    where {{ is_on_changed_day() }}
),

cell_bases as (
    select
        cell_id,
        case
            -- Its count would then stand for a part of the cost only.
            when bool_or(has_uncounted_cost) then 'cost'
            when sum(billed_tokens) > 0 then 'tokens'
            when sum(billed_search_unit_count) > 0 then 'search_units'
            else 'cost'
        end as coverage_basis
    from sub_cells
    group by cell_id
),

capacities as (
    select
        sub_cells.*,
        cell_bases.coverage_basis,
        {{ to_micro_usd('sub_cells.billed_cost_usd') }} as billed_micro_usd,
        greatest(
            case cell_bases.coverage_basis
                when 'tokens' then {{ whole_number('coalesce(sub_cells.billed_tokens, 0)') }}
                when 'search_units' then {{ whole_number('coalesce(sub_cells.billed_search_unit_count, 0)') }}
                else {{ to_micro_usd('sub_cells.billed_cost_usd') }}
            end,
            0
        ) as capacity
    from sub_cells
    inner join cell_bases on sub_cells.cell_id = cell_bases.cell_id
),

traced as (
    select
        callers.cell_id,
        callers.feature_id,
        case any_value(cell_bases.coverage_basis)
            when 'cost' then coalesce({{ to_micro_usd('sum(callers.estimated_cost_usd)') }}, 0)
            else {{ whole_number('sum(callers.quantity)') }}
        end as traced_quantity,
        bool_and(callers.has_feature) as has_feature
    from callers
    inner join cell_bases on callers.cell_id = cell_bases.cell_id
    group by callers.cell_id, callers.feature_id
),

owned_matched as (
    select
        capacities.cell_id,
        capacities.owner_feature_id,
        capacities.owner_attribution,
        traced.traced_quantity,
        greatest(
            least(
                capacities.capacity,
                traced.traced_quantity - coalesce(
                    sum(capacities.capacity) over (
                        partition by capacities.cell_id, capacities.owner_feature_id
                        -- 'tag' before 'principal'
                        order by capacities.owner_attribution desc
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            ),
            0
        ) as matched_quantity
    from capacities
    inner join traced
        on
            capacities.cell_id = traced.cell_id
            and capacities.owner_feature_id = traced.feature_id
            and traced.has_feature
),

owned_summed as (
    select
        cell_id,
        owner_feature_id as feature_id,
        sum(matched_quantity) as matched_quantity
    from owned_matched
    group by cell_id, owner_feature_id
),

residuals as (
    select
        traced.cell_id,
        traced.feature_id,
        traced.has_feature,
        traced.traced_quantity - coalesce(owned_summed.matched_quantity, 0) as residual_quantity
    from traced
    left join owned_summed
        on traced.cell_id = owned_summed.cell_id and traced.feature_id = owned_summed.feature_id
    where traced.traced_quantity > coalesce(owned_summed.matched_quantity, 0)
),

unowned_capacities as (
    select
        cell_id,
        capacity
    from capacities
    where owner_feature_id is null
),

pools as (
    select
        residuals.cell_id,
        least(
            sum(residuals.residual_quantity), coalesce(any_value(unowned_capacities.capacity), 0)
        ) as unowned_matched_quantity,
        coalesce(sum(residuals.residual_quantity) filter (where residuals.has_feature), 0) as featured_quantity,
        -- What the unowned sub-cell has no room for, of usage with a feature.
        {{ whole_quotient(
            'greatest(sum(residuals.residual_quantity) - coalesce(any_value(unowned_capacities.capacity), 0), 0)'
            ~ ' * coalesce(sum(residuals.residual_quantity) filter (where residuals.has_feature), 0)',
            'sum(residuals.residual_quantity)'
        ) }} as overflow_quantity
    from residuals
    left join unowned_capacities on residuals.cell_id = unowned_capacities.cell_id
    group by residuals.cell_id
),

rooms as (
    select
        capacities.cell_id,
        capacities.owner_feature_id,
        capacities.owner_attribution,
        capacities.capacity - coalesce(owned_matched.matched_quantity, 0) as room_quantity
    from capacities
    left join owned_matched
        on
            capacities.cell_id = owned_matched.cell_id
            and capacities.owner_feature_id = owned_matched.owner_feature_id
            and capacities.owner_attribution = owned_matched.owner_attribution
    where capacities.owner_feature_id is not null
),

overflow_matched as (
    select
        rooms.cell_id,
        rooms.owner_feature_id,
        rooms.owner_attribution,
        pools.featured_quantity,
        greatest(
            least(
                rooms.room_quantity,
                pools.overflow_quantity - coalesce(
                    sum(rooms.room_quantity) over (
                        partition by rooms.cell_id
                        order by rooms.owner_feature_id asc, rooms.owner_attribution desc
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            ),
            0
        ) as matched_quantity
    from rooms
    inner join pools on rooms.cell_id = pools.cell_id
),

-- Weights are counted in millionths, so that a feature's part of the last few tokens is not floored to none.
matches as (
    select
        cell_id,
        owner_feature_id,
        owner_attribution,
        owner_feature_id as traced_feature_id,
        1000000 * matched_quantity as weight_micro_quantity
    from owned_matched
    where matched_quantity > 0
    union all
    -- The unowned sub-cell is shared in proportion to what is left of each feature, however much of it finds room.
    select
        residuals.cell_id,
        null as owner_feature_id,
        null as owner_attribution,
        residuals.feature_id as traced_feature_id,
        1000000 * residuals.residual_quantity as weight_micro_quantity
    from residuals
    inner join pools on residuals.cell_id = pools.cell_id
    where pools.unowned_matched_quantity > 0
    union all
    select
        overflow_matched.cell_id,
        overflow_matched.owner_feature_id,
        overflow_matched.owner_attribution,
        residuals.feature_id as traced_feature_id,
        {{ whole_quotient(
            '1000000 * residuals.residual_quantity * overflow_matched.matched_quantity', 'overflow_matched.featured_quantity'
        ) }} as weight_micro_quantity
    from overflow_matched
    inner join residuals on overflow_matched.cell_id = residuals.cell_id and residuals.has_feature
    where overflow_matched.matched_quantity > 0
),

sub_cells_matched as (
    select
        capacities.*,
        {{ whole_number(
            'coalesce(owned_matched.matched_quantity, 0)'
            ~ ' + coalesce(overflow_matched.matched_quantity, 0)'
            ~ ' + case when capacities.owner_feature_id is null then coalesce(pools.unowned_matched_quantity, 0) else 0 end'
        ) }} as matched_quantity,
        -- Traced usage of one feature on usage that the bill has tagged for another.
        {{ whole_number('coalesce(overflow_matched.matched_quantity, 0)') }} as disagreeing_quantity
    from capacities
    left join owned_matched
        on
            capacities.cell_id = owned_matched.cell_id
            and capacities.owner_feature_id = owned_matched.owner_feature_id
            and capacities.owner_attribution = owned_matched.owner_attribution
    left join overflow_matched
        on
            capacities.cell_id = overflow_matched.cell_id
            and capacities.owner_feature_id = overflow_matched.owner_feature_id
            and capacities.owner_attribution = overflow_matched.owner_attribution
    left join pools on capacities.cell_id = pools.cell_id
),

cells_covered as (
    select
        sub_cells_matched.cell_id,
        sub_cells_matched.owner_feature_id,
        sub_cells_matched.billing_account_id,
        matches.traced_feature_id,
        sub_cells_matched.owner_attribution,
        sub_cells_matched.provider_name,
        sub_cells_matched.model_id,
        sub_cells_matched.token_class,
        sub_cells_matched.region_scope,
        sub_cells_matched.processing,
        sub_cells_matched.coverage_basis,
        sub_cells_matched.billed_tokens,
        sub_cells_matched.capacity as billed_quantity,
        sub_cells_matched.matched_quantity,
        sub_cells_matched.disagreeing_quantity,
        {{ whole_number('matches.weight_micro_quantity') }} as weight_micro_quantity,
        {{ whole_number('traced.traced_quantity') }} as traced_quantity,
        sub_cells_matched.billed_micro_usd,
        -- coverage x billed cost, in whole micro-dollars
        case
            when sub_cells_matched.matched_quantity = 0 then 0
            else
                {{ divide_rounded(
                    'sub_cells_matched.billed_micro_usd * sub_cells_matched.matched_quantity', 'sub_cells_matched.capacity'
                ) }}
        end as traced_micro_usd,
        sub_cells_matched.is_settled,
        sub_cells_matched.usage_date
    from sub_cells_matched
    left join matches
        on
            sub_cells_matched.cell_id = matches.cell_id
            and sub_cells_matched.owner_feature_id is not distinct from matches.owner_feature_id
            and sub_cells_matched.owner_attribution is not distinct from matches.owner_attribution
    left join traced
        on matches.cell_id = traced.cell_id and matches.traced_feature_id = traced.feature_id
)

select * from cells_covered
