{#
    Grain: one row per charge_id: the lines of one sub-cell that the bill words alike, as one charge of a day.

    Alike are payer, invoice, period, product, kind of line, usage type, description (and with it the price), unit, resource,
    region, tags, commitment and currency. A line that runs on for days, such as a month's tax, keeps the days it is for.
#}
with

lines as (
    select
        *,
        -- In the order of their keys, which the export does not promise.
        {{ sorted_map_json('resource_tags') }} as tags_json,
        cast(
            date_trunc('day', coalesce(usage_started_at, cast(usage_date as timestamp))) as timestamp
        ) as charge_started_at,
        -- The last moment of the line is in its last day.
        cast(
            greatest(
                date_trunc('day', coalesce(usage_started_at, cast(usage_date as timestamp))),
                date_trunc('day', usage_ended_at - interval 1 microsecond)
            ) as timestamp
        ) + interval 1 day as charge_ended_at,
        coalesce(list_cost != 0 or (list_cost = 0 and billed_cost = 0), false) as has_list_cost
    from {{ ref('int_billing_lines_classified') }}
),

charges_summed as (
    select
        {{ cell_id('charge_category') }} as cell_id,
        owner_feature_id,
        payer_account_id,
        billing_account_id,
        invoice_id,
        resource_id,
        commitment_id,
        region_id,
        sku_id,
        owner_attribution,
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
        is_savings_plan,
        tokens_per_unit,
        count(*) as line_count,
        cast(sum(usage_amount) as decimal(38, 12)) as usage_amount,
        cast(sum(billed_tokens) as bigint) as billed_tokens,
        cast(sum(billed_search_unit_count) as bigint) as billed_search_unit_count,
        cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
        cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
        cast(sum(case when has_list_cost then list_cost else billed_cost end) as decimal(38, 12)) as list_cost,
        cast(sum(billed_cost_usd) as decimal(38, 12)) as billed_cost_usd,
        bool_and(has_list_cost) as has_list_cost,
        usage_date,
        charge_started_at,
        charge_ended_at
    from lines
    group by all
),

charges as (
    select
        {{ texts_digest([
            'cell_id', 'owner_feature_id', 'owner_attribution', 'payer_account_id', 'invoice_id', 'resource_id',
            'commitment_id', 'region_id', 'sku_id', 'billing_account_name', 'billing_period', 'billing_entity',
            'invoicing_entity', 'legal_entity', 'line_item_type', 'product_code', 'product_name', 'usage_type',
            'description', 'pricing_unit_name', 'currency_code', 'tags_json', 'cast(charge_started_at as string)',
            'cast(charge_ended_at as string)'
        ]) }} as charge_id,
        *
    from charges_summed
)

select * from charges
