{#
    Grain: one row per LLM call, under the names that bill and price table use: account, model, scope, tier.

    A missing feature is `unattributed` with reason no_feature, other missing names are `unknown`. An account is taken from
    the span, else from the provider's default account in the billing sources; it is never guessed from the data.
#}
with

calls as (
    select * from {{ ref('int_llm_calls_deduplicated') }}
),

model_aliases as (
    select
        provider_name,
        alias,
        model_id
    from {{ ref('model_aliases') }}
    where alias_kind = 'request_model'
),

model_tiers as (
    select
        provider_name,
        model_id,
        model_tier
    from {{ ref('model_tiers') }}
),

billing_sources as (
    select
        provider_name,
        default_account_id,
        valid_from,
        valid_to
    from {{ ref('billing_sources') }}
    where billing_account_id = '*'
),

known_models as (
    select
        provider_name,
        model_id
    from {{ ref('stg_price_catalog__prices') }}
    union
    select
        provider_name,
        model_id
    from {{ ref('model_aliases') }}
),

named_calls as (
    select
        calls.* replace (coalesce(calls.provider_name, 'unknown') as provider_name),
        -- What answered is what was billed: `gpt-4o` may be any of several dated models. Bedrock bills what was asked.
        coalesce(answering_models.model_id, calls.request_model, calls.response_model) as model_name
    from calls
    left join known_models as answering_models
        on
            calls.provider_name = answering_models.provider_name
            and calls.provider_name != 'aws.bedrock'
            and calls.response_model = answering_models.model_id
),

calls_with_model_id as (
    select
        *,
        case
            when provider_name = 'aws.bedrock' then {{ bedrock_model_id('model_name') }}
            else model_name
        end as spelled_model_id,
        case
            when provider_name = 'aws.bedrock' then {{ bedrock_region_scope('model_name') }}
            else 'any'
        end as region_scope
    from named_calls
),

calls_with_known_model as (
    select
        calls_with_model_id.*,
        coalesce(model_aliases.model_id, calls_with_model_id.spelled_model_id, 'unknown') as model_id
    from calls_with_model_id
    left join model_aliases
        on
            calls_with_model_id.provider_name = model_aliases.provider_name
            and calls_with_model_id.spelled_model_id = model_aliases.alias
),

calls_resolved as (
    select
        calls_with_known_model.call_id,
        calls_with_known_model.trace_id,
        calls_with_known_model.span_id,
        coalesce({{ own_feature_id('calls_with_known_model.feature_id') }}, 'unattributed') as feature_id,
        coalesce(calls_with_known_model.pipeline_id, 'unknown') as pipeline_id,
        coalesce(
            calls_with_known_model.account_id, billing_sources.default_account_id, 'unknown'
        ) as billing_account_id,
        calls_with_known_model.journey_id,
        calls_with_known_model.user_id,
        coalesce(calls_with_known_model.scope_name, 'unknown') as scope_name,
        coalesce(calls_with_known_model.service_name, 'unknown') as service_name,
        coalesce(calls_with_known_model.task_type, 'unknown') as task_type,
        calls_with_known_model.operation_name,
        calls_with_known_model.provider_name,
        coalesce(
            calls_with_known_model.request_model, calls_with_known_model.response_model, 'unknown'
        ) as request_model,
        calls_with_known_model.model_id,
        coalesce(model_tiers.model_tier, calls_with_known_model.model_tier, 'unknown') as model_tier,
        calls_with_known_model.region_scope,
        calls_with_known_model.processing,
        calls_with_known_model.dialect,
        calls_with_known_model.prompt_version,
        case
            when calls_with_known_model.feature_id is null then 'no_feature'
            when {{ own_feature_id('calls_with_known_model.feature_id') }} is null then 'reserved_feature'
        end as feature_reason,
        calls_with_known_model.uncached_input_tokens,
        calls_with_known_model.cache_read_input_tokens,
        calls_with_known_model.cache_write_5m_input_tokens,
        calls_with_known_model.cache_write_1h_input_tokens,
        calls_with_known_model.output_tokens,
        calls_with_known_model.reasoning_output_tokens,
        calls_with_known_model.usage_figure_count,
        -- A rerank request is one search unit per begun 100 documents; instrumentations record the documents.
        case
            when calls_with_known_model.operation_name = 'rerank' and calls_with_known_model.has_usage
                then
                    coalesce(
                        calls_with_known_model.search_unit_count,
                        (greatest(coalesce(calls_with_known_model.input_document_count, 1), 1) + 99) // 100
                    )
            else calls_with_known_model.search_unit_count
        end as search_unit_count,
        case
            when
                coalesce(
                    calls_with_known_model.uncached_input_tokens,
                    calls_with_known_model.cache_read_input_tokens,
                    calls_with_known_model.cache_write_5m_input_tokens,
                    calls_with_known_model.cache_write_1h_input_tokens
                ) is not null
                then
                    coalesce(calls_with_known_model.uncached_input_tokens, 0)
                    + coalesce(calls_with_known_model.cache_read_input_tokens, 0)
                    + coalesce(calls_with_known_model.cache_write_5m_input_tokens, 0)
                    + coalesce(calls_with_known_model.cache_write_1h_input_tokens, 0)
        end as input_tokens,
        calls_with_known_model.has_usage,
        calls_with_known_model.is_error,
        known_models.model_id is not null as is_known_model,
        calls_with_known_model.usage_date,
        calls_with_known_model.started_at,
        calls_with_known_model.ended_at
    from calls_with_known_model
    left join known_models
        on
            calls_with_known_model.provider_name = known_models.provider_name
            and calls_with_known_model.model_id = known_models.model_id
    left join model_tiers
        on
            calls_with_known_model.provider_name = model_tiers.provider_name
            and calls_with_known_model.model_id = model_tiers.model_id
    left join billing_sources
        on
            calls_with_known_model.provider_name = billing_sources.provider_name
            and calls_with_known_model.usage_date >= billing_sources.valid_from
            and (calls_with_known_model.usage_date < billing_sources.valid_to or billing_sources.valid_to is null)
)

select * from calls_resolved
