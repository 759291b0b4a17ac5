{#
    Grain: one row per charge_id and payer: feature_id, pipeline_id, service_name, task_type, model_tier, attribution and
    unattributed_reason.

    Each amount of a charge is divided by the payers' weights, to the 12th place (tokens and search units whole): a payer's part
    is the rounded running total up to it less that before it. So the parts add up to the charge exactly, none is further than
    one unit from its share, and none has another sign.
#}
with

charges as (
    select * from {{ ref('int_billed_charges_summed') }}
),

payers as (
    select * from {{ ref('int_billed_charge_payers_found') }}
),

charges_with_payers as (
    select
        charges.*,
        payers.feature_id,
        payers.pipeline_id,
        payers.service_name,
        payers.task_type,
        payers.model_tier,
        payers.attribution,
        payers.unattributed_reason,
        payers.cost_status,
        payers.weight
    from charges
    inner join payers
        on
            charges.cell_id = payers.cell_id
            and charges.owner_feature_id is not distinct from payers.owner_feature_id
            and charges.owner_attribution is not distinct from payers.owner_attribution
),

weights_added_up as (
    select
        *,
        {{ whole_number('sum(weight) over (partition by charge_id)') }} as total_weight,
        sum(weight) over (
            partition by charge_id
            order by
                feature_id asc,
                pipeline_id asc,
                service_name asc,
                task_type asc,
                model_tier asc,
                attribution asc,
                unattributed_reason asc nulls last
            rows between unbounded preceding and current row
        ) as weight_up_to
    from charges_with_payers
),

charges_divided as (
    select
        charge_id,
        cell_id,
        owner_feature_id,
        feature_id,
        pipeline_id,
        payer_account_id,
        billing_account_id,
        invoice_id,
        resource_id,
        commitment_id,
        region_id,
        sku_id,
        owner_attribution,
        service_name,
        task_type,
        model_tier,
        attribution,
        unattributed_reason,
        cost_status,
        billing_account_name,
        billing_period,
        billing_entity,
        invoicing_entity,
        legal_entity,
        provider_name,
        charge_category,
        line_item_type,
        product_code,
        product_name,
        usage_type,
        description,
        pricing_unit_name,
        currency_code,
        model_id,
        token_class,
        region_scope,
        processing,
        tags_json,
        tokens_per_unit,
        usage_amount as charge_usage_amount,
        billed_cost as charge_billed_cost,
        list_cost as charge_list_cost,
        {{ pico_to_usd(part_up_to_weight(to_pico_usd('usage_amount'))) }} as usage_amount,
        {{ pico_to_usd(part_up_to_weight(to_pico_usd('billed_cost'))) }} as billed_cost,
        {{ pico_to_usd(part_up_to_weight(to_pico_usd('effective_cost'))) }} as effective_cost,
        {{ pico_to_usd(part_up_to_weight(to_pico_usd('list_cost'))) }} as list_cost,
        {{ pico_to_usd(part_up_to_weight(to_pico_usd('billed_cost_usd'))) }} as billed_cost_usd,
        cast({{ part_up_to_weight(whole_number('billed_tokens')) }} as bigint) as billed_tokens,
        cast(
            {{ part_up_to_weight(whole_number('billed_search_unit_count')) }} as bigint
        ) as billed_search_unit_count,
        is_savings_plan,
        has_list_cost,
        usage_date,
        charge_started_at,
        charge_ended_at
    from weights_added_up
)

select * from charges_divided
