{#
    Grain: one row per bill line about AI of the authoritative source, with the key of its cell.

    A line counts on a day of its own billing period, so that the days of a month add up to its bill; usage of an earlier month that only
    this bill has is a correction of a bill that was sent, and not usage of the day that it counts on.
    The model is what the resource names, else the usage type, else the marketplace product; what none of them resolves is
    `unknown` and stays in the bill. A usage line belongs to the feature in its tag, else to the one its principal belongs to (an IAM
    principal or API key, else a project or workspace), under the name that seed feature_aliases gives that feature on the day.
#}
with

all_line_items as (
    select
        *,
        coalesce(usage_date < cast(billing_period || '-01' as date), false) as is_of_earlier_period,
        least(
            greatest(usage_date, cast(billing_period || '-01' as date)),
            cast(cast(billing_period || '-01' as date) + interval 1 month - interval 1 day as date)
        ) as billed_date
    from {{ ref('int_bill_lines_unioned') }}
),

line_items as (
    select * from all_line_items
    -- Lines of days that this build does not cover belong to a later one.
    where billed_date < cast('{{ var("as_of_date") }}' as date)
),

model_names as (
    select * from {{ ref('int_model_names_resolved') }}
),

model_aliases as (
    select * from {{ ref('model_aliases') }}
),

billing_sources as (
    select * from {{ ref('billing_sources') }}
),

billing_tag_keys as (
    select {{ listed('tag_key', 'precedence') }} as tag_keys
    from {{ ref('billing_tag_keys') }}
),

billing_principals as (
    select * from {{ ref('billing_principals') }}
),

feature_aliases as (
    select
        alias,
        feature_id,
        valid_from,
        valid_to
    from {{ ref('feature_aliases') }}
),

account_days as (
    select distinct
        provider_name,
        billing_account_id,
        billed_date
    from line_items
),

authorities_ranked as (
    select
        account_days.*,
        billing_sources.billing_source as authoritative_source,
        row_number() over (
            partition by account_days.provider_name, account_days.billing_account_id, account_days.billed_date
            order by billing_sources.billing_account_id = '*', billing_sources.valid_from desc
        ) as authority_rank
    from account_days
    inner join billing_sources
        on
            account_days.provider_name = billing_sources.provider_name
            and billing_sources.billing_account_id in (account_days.billing_account_id, '*')
            and account_days.billed_date >= billing_sources.valid_from
            and (account_days.billed_date < billing_sources.valid_to or billing_sources.valid_to is null)
),

authoritative_lines as (
    select
        line_items.*,
        billing_tag_keys.tag_keys
    from line_items
    cross join billing_tag_keys
    left join authorities_ranked
        on
            line_items.provider_name = authorities_ranked.provider_name
            and line_items.billing_account_id = authorities_ranked.billing_account_id
            and line_items.billed_date = authorities_ranked.billed_date
            and authorities_ranked.authority_rank = 1
    -- A source that nobody decided about counts: there is no other one.
    where coalesce(authorities_ranked.authoritative_source, line_items.billing_source) = line_items.billing_source
),

tagged_lines as (
    select
        *,
        {{ first_tagged_feature('tag_keys', 'resource_tags') }} as tag_feature_id
    from authoritative_lines
),

lines_resolved as (
    select
        tagged_lines.*,
        coalesce(
            resource_models.model_id,
            usage_names.model_id,
            product_names.model_id,
            'unknown'
        ) as model_id,
        case
            when tagged_lines.provider_name != 'aws.bedrock' then 'any'
            when tagged_lines.usage_type_lower like '%global%' then 'global'
            else coalesce(resource_models.region_scope, 'regional')
        end as region_scope,
        coalesce(billing_principals.feature_id, principal_groups.feature_id) as principal_feature_id,
        coalesce(
            tagged_lines.tag_feature_id, billing_principals.feature_id, principal_groups.feature_id
        ) as named_feature_id,
        case
            when tagged_lines.charge_category = 'usage' and tagged_lines.is_of_earlier_period then 'correction'
            else tagged_lines.charge_category
        end as resolved_charge_category,
        tagged_lines.charge_category = 'usage' and not tagged_lines.is_of_earlier_period as is_usage
    from tagged_lines
    left join model_names as resource_models
        on
            tagged_lines.provider_name = resource_models.provider_name
            and tagged_lines.resource_model = resource_models.model_name
    left join model_aliases as usage_names
        on
            tagged_lines.provider_name = usage_names.provider_name
            and usage_names.alias_kind = 'usage_name'
            and tagged_lines.usage_name = usage_names.alias
    left join model_aliases as product_names
        on
            tagged_lines.provider_name = product_names.provider_name
            and product_names.alias_kind = 'product_name'
            and lower(tagged_lines.product_name) = product_names.alias
    left join billing_principals on tagged_lines.principal_id = billing_principals.principal_id
    left join billing_principals as principal_groups on tagged_lines.principal_group_id = principal_groups.principal_id
),

lines_owned as (
    select
        lines_resolved.*,
        coalesce(feature_aliases.feature_id, lines_resolved.named_feature_id) as resolved_feature_id
    from lines_resolved
    left join feature_aliases
        on
            lines_resolved.named_feature_id = feature_aliases.alias
            and (lines_resolved.billed_date >= feature_aliases.valid_from or feature_aliases.valid_from is null)
            and (lines_resolved.billed_date < feature_aliases.valid_to or feature_aliases.valid_to is null)
),

lines_classified as (
    select
        billing_account_id,
        invoice_id,
        case when is_usage then resolved_feature_id end as owner_feature_id,
        case
            when not is_usage then null
            when tag_feature_id is not null then 'tag'
            when principal_feature_id is not null then 'principal'
        end as owner_attribution,
        billing_period,
        provider_name,
        resolved_charge_category as charge_category,
        usage_type,
        case when is_usage or model_id != 'unknown' then model_id else 'not_applicable' end as model_id,
        case when is_usage then token_class else 'not_applicable' end as token_class,
        case when is_usage then region_scope else 'not_applicable' end as region_scope,
        case when is_usage then processing else 'not_applicable' end as processing,
        case
            when is_usage and token_class not in ('search_unit', 'unknown')
                then cast(round(usage_amount * tokens_per_unit, 0) as bigint)
        end as billed_tokens,
        case
            when is_usage and token_class = 'search_unit'
                then cast(round(usage_amount * {{ search_units_per_unit('pricing_unit') }}, 0) as bigint)
        end as billed_search_unit_count,
        billed_cost_usd,
        list_cost_usd,
        billed_date as usage_date,
        usage_ended_at,
        -- What follows is the bill's own words for the FOCUS columns; nothing is allocated by it.
        payer_account_id,
        billing_account_name,
        billing_entity,
        invoicing_entity,
        legal_entity,
        line_item_type,
        product_code,
        coalesce(product_name, product_code, provider_name) as product_name,
        description,
        resource_id,
        commitment_id,
        coalesce(is_savings_plan, false) as is_savings_plan,
        pricing_unit_name,
        tokens_per_unit,
        region_id,
        sku_id,
        resource_tags,
        currency_code,
        usage_amount,
        billed_cost,
        effective_cost,
        list_cost,
        usage_started_at
    from lines_owned
)

select * from lines_classified
