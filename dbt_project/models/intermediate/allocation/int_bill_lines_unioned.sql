{#
    Grain: one row per line about AI of each bill that is landed, in the words of one; which of them count is decided later
    (int_billing_lines_classified).

    A line of a provider that is no cloud counts for the provider's default account in seed billing_sources: their admin APIs answer for one
    organization. Its project, workspace and API key may belong to a feature, as an IAM principal does.
#}
with

cur_lines as (
    select * from {{ ref('stg_aws_billing__line_items') }}
    where is_ai_charge
),

focus_charges as (
    select
        *,
        lower(coalesce(usage_type, '')) as usage_type_lower
    from {{ ref('stg_focus__charges') }}
    where is_ai_charge
),

cost_explorer_days as (
    select * from {{ ref('stg_cost_explorer__daily_costs') }}
    where is_ai_charge
),

openai_costs as (
    select * from {{ ref('stg_openai__cost_buckets') }}
),

anthropic_costs as (
    select
        workspace_id,
        model_name,
        token_type,
        token_class,
        service_tier,
        context_window,
        inference_geo,
        processing,
        charge_category,
        sum(billed_cost_usd) as billed_cost_usd,
        usage_date
    from {{ ref('stg_anthropic__cost_buckets') }}
    group by
        workspace_id,
        model_name,
        token_type,
        token_class,
        service_tier,
        context_window,
        inference_geo,
        processing,
        charge_category,
        usage_date
),

anthropic_usage as (
    select * from {{ ref('stg_anthropic__usage_buckets') }}
),

default_accounts as (
    select
        provider_name,
        default_account_id,
        valid_from,
        valid_to
    from {{ ref('billing_sources') }}
    where billing_account_id = '*'
),

-- The cost report has no tokens, the usage report no costs.
anthropic_tokens as (
    {% for token_class in
        ['uncached_input', 'cache_read_input', 'cache_write_5m_input', 'cache_write_1h_input', 'output']
    %}
    select
        workspace_id,
        model_name,
        '{{ token_class }}' as token_class,
        service_tier,
        context_window,
        inference_geo,
        sum({{ token_class }}_tokens) as tokens,
        usage_date
    from anthropic_usage
    group by workspace_id, model_name, service_tier, context_window, inference_geo, usage_date
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

anthropic_lines as (
    select
        anthropic_costs.*,
        anthropic_tokens.tokens
    from anthropic_costs
    left join anthropic_tokens
        on
            anthropic_costs.usage_date = anthropic_tokens.usage_date
            and anthropic_costs.token_class = anthropic_tokens.token_class
            and coalesce(anthropic_costs.workspace_id, '') = coalesce(anthropic_tokens.workspace_id, '')
            and coalesce(anthropic_costs.model_name, '') = coalesce(anthropic_tokens.model_name, '')
            and coalesce(anthropic_costs.service_tier, '') = coalesce(anthropic_tokens.service_tier, '')
            and coalesce(anthropic_costs.context_window, '') = coalesce(anthropic_tokens.context_window, '')
            and coalesce(anthropic_costs.inference_geo, '') = coalesce(anthropic_tokens.inference_geo, '')
),

lines_of_clouds as (
    select
        billing_account_id,
        invoice_id,
        iam_principal as principal_id,
        cast(null as string) as principal_group_id,
        'aws_cur' as billing_source,
        'aws.bedrock' as provider_name,
        billing_period,
        charge_category,
        usage_type,
        usage_type_lower,
        usage_name,
        resource_model,
        product_name,
        token_class,
        processing,
        pricing_unit,
        resource_tags,
        usage_amount,
        tokens_per_unit,
        billed_cost_usd,
        list_cost_usd,
        usage_date,
        usage_ended_at,
        payer_account_id,
        billing_account_name,
        billing_entity,
        invoicing_entity,
        legal_entity,
        line_item_type,
        product_code,
        description,
        resource_id,
        coalesce(savings_plan_id, reservation_id) as commitment_id,
        savings_plan_id is not null as is_savings_plan,
        pricing_unit_name,
        coalesce(product_attributes['region'], product_attributes['region_code']) as region_id,
        product_attributes['sku'] as sku_id,
        currency_code,
        billed_cost,
        effective_cost,
        list_cost,
        usage_started_at
    from cur_lines
    union all
    select
        billing_account_id,
        invoice_id,
        cast(null as string) as principal_id,
        cast(null as string) as principal_group_id,
        'aws_focus' as billing_source,
        'aws.bedrock' as provider_name,
        billing_period,
        case
            when is_correction then 'correction'
            when product_code like 'AWSSupport%' or service_name like 'AWS Support%' then 'support'
            when charge_category in ('credit', 'tax') then charge_category
            when charge_category != 'usage' then 'other'
            when {{ bedrock_token_class('usage_type_lower') }} = 'not_tokens' then 'other'
            else 'usage'
        end as charge_category,
        usage_type,
        usage_type_lower,
        {{ bedrock_usage_name('usage_type_lower') }} as usage_name,
        {{ bedrock_resource_model('resource_id') }} as resource_model,
        service_name as product_name,
        {{ bedrock_token_class('usage_type_lower') }} as token_class,
        {{ bedrock_processing('usage_type_lower') }} as processing,
        pricing_unit,
        tags as resource_tags,
        pricing_quantity as usage_amount,
        {{ tokens_per_unit('pricing_unit') }} as tokens_per_unit,
        billed_cost_usd,
        list_cost_usd,
        usage_date,
        usage_ended_at,
        payer_account_id,
        billing_account_name,
        case
            when {{ is_match("coalesce(publisher_name, 'AWS')", "'^(AWS|Amazon)'") }} then 'AWS'
            else 'AWS Marketplace'
        end as billing_entity,
        invoice_issuer_name as invoicing_entity,
        publisher_name as legal_entity,
        case
            when is_correction then 'Refund'
            when charge_category = 'usage' then 'Usage'
            when charge_category = 'purchase' then 'Fee'
            when charge_category = 'tax' then 'Tax'
            when charge_category = 'credit' then 'Credit'
            else 'Adjustment'
        end as line_item_type,
        product_code,
        description,
        resource_id,
        commitment_discount_id as commitment_id,
        coalesce(commitment_discount_type ilike '%savings%', false) as is_savings_plan,
        pricing_unit as pricing_unit_name,
        region_id,
        sku_id,
        currency_code,
        billed_cost,
        effective_cost,
        list_cost,
        usage_started_at
    from focus_charges
    union all
    select
        billing_account_id,
        cast(null as string) as invoice_id,
        cast(null as string) as principal_id,
        cast(null as string) as principal_group_id,
        'aws_cost_explorer' as billing_source,
        'aws.bedrock' as provider_name,
        left(cast(usage_date as string), 7) as billing_period,
        charge_category,
        usage_type,
        usage_type_lower,
        {{ bedrock_usage_name('usage_type_lower') }} as usage_name,
        cast(null as string) as resource_model,
        service_name as product_name,
        token_class,
        processing,
        usage_unit_lower as pricing_unit,
        {{ text_map('null') }} as resource_tags,
        usage_quantity as usage_amount,
        tokens_per_unit,
        billed_cost_usd,
        cast(null as decimal(38, 12)) as list_cost_usd,
        usage_date,
        cast(usage_date + interval 1 day as timestamp) as usage_ended_at,
        cast(null as string) as payer_account_id,
        cast(null as string) as billing_account_name,
        'AWS' as billing_entity,
        cast(null as string) as invoicing_entity,
        cast(null as string) as legal_entity,
        case charge_category
            when 'tax' then 'Tax'
            when 'credit' then 'Credit'
            when 'refund' then 'Refund'
            else 'Usage'
        end as line_item_type,
        service_name as product_code,
        cast(null as string) as description,
        cast(null as string) as resource_id,
        cast(null as string) as commitment_id,
        false as is_savings_plan,
        usage_unit as pricing_unit_name,
        cast(null as string) as region_id,
        cast(null as string) as sku_id,
        currency_code,
        billed_cost,
        amortized_cost as effective_cost,
        cast(null as decimal(38, 12)) as list_cost,
        cast(usage_date as timestamp) as usage_started_at
    from cost_explorer_days
),

lines_of_organizations as (
    select
        api_key_id as principal_id,
        project_id as principal_group_id,
        'openai_costs' as billing_source,
        'openai' as provider_name,
        'OpenAI' as seller_name,
        'OpenAI API' as product_name,
        charge_category,
        line_item as usage_type,
        model_name as resource_model,
        token_class,
        processing,
        quantity_unit as pricing_unit,
        quantity as usage_amount,
        tokens_per_unit,
        currency_code,
        billed_cost,
        billed_cost_usd,
        usage_date
    from openai_costs
    union all
    select
        cast(null as string) as principal_id,
        workspace_id as principal_group_id,
        'anthropic_cost_report' as billing_source,
        'anthropic' as provider_name,
        'Anthropic' as seller_name,
        'Claude API' as product_name,
        charge_category,
        coalesce(token_type, charge_category) as usage_type,
        model_name as resource_model,
        token_class,
        processing,
        'tokens' as pricing_unit,
        cast(tokens as decimal(38, 12)) as usage_amount,
        1 as tokens_per_unit,
        'USD' as currency_code,
        billed_cost_usd as billed_cost,
        billed_cost_usd,
        usage_date
    from anthropic_lines
),

lines_with_accounts as (
    select
        coalesce(default_accounts.default_account_id, 'unknown') as billing_account_id,
        cast(null as string) as invoice_id,
        lines_of_organizations.principal_id,
        lines_of_organizations.principal_group_id,
        lines_of_organizations.billing_source,
        lines_of_organizations.provider_name,
        left(cast(lines_of_organizations.usage_date as string), 7) as billing_period,
        lines_of_organizations.charge_category,
        lines_of_organizations.usage_type,
        '' as usage_type_lower,
        cast(null as string) as usage_name,
        lines_of_organizations.resource_model,
        lines_of_organizations.product_name,
        lines_of_organizations.token_class,
        lines_of_organizations.processing,
        lines_of_organizations.pricing_unit,
        {{ text_map('null') }} as resource_tags,
        lines_of_organizations.usage_amount,
        lines_of_organizations.tokens_per_unit,
        lines_of_organizations.billed_cost_usd,
        cast(null as decimal(38, 12)) as list_cost_usd,
        lines_of_organizations.usage_date,
        cast(lines_of_organizations.usage_date + interval 1 day as timestamp) as usage_ended_at,
        cast(null as string) as payer_account_id,
        cast(null as string) as billing_account_name,
        lines_of_organizations.seller_name as billing_entity,
        lines_of_organizations.seller_name as invoicing_entity,
        lines_of_organizations.seller_name as legal_entity,
        'Usage' as line_item_type,
        lines_of_organizations.provider_name as product_code,
        lines_of_organizations.usage_type as description,
        cast(null as string) as resource_id,
        cast(null as string) as commitment_id,
        false as is_savings_plan,
        lines_of_organizations.pricing_unit as pricing_unit_name,
        cast(null as string) as region_id,
        cast(null as string) as sku_id,
        lines_of_organizations.currency_code,
        lines_of_organizations.billed_cost,
        lines_of_organizations.billed_cost as effective_cost,
        cast(null as decimal(38, 12)) as list_cost,
        cast(lines_of_organizations.usage_date as timestamp) as usage_started_at
    from lines_of_organizations
    left join default_accounts
        on
            lines_of_organizations.provider_name = default_accounts.provider_name
            and lines_of_organizations.usage_date >= default_accounts.valid_from
            and (
                lines_of_organizations.usage_date < default_accounts.valid_to
                or default_accounts.valid_to is null
            )
),

lines_unioned as (
    select * from lines_of_clouds
    union all
    select * from lines_with_accounts
)

select * from lines_unioned
