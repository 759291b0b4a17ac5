{#
    Grain: one row per LLM call, under the names that bill and price table use: account, model, scope, tier.

    A feature is what seed feature_aliases makes of its name on the day of the call, else the name as it stands. A missing feature
    is `unattributed` with reason no_feature, other missing names are `unknown`. An account is taken from the span, else from the
    provider's default account in the billing sources; it is never guessed from the data.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('usage_date')) }}") }}
with

calls as (
    select * from {{ ref('int_llm_calls_deduplicated') }}
    where {{ is_on_changed_day() }}
),

model_names as (
    select * from {{ ref('int_model_names_resolved') }}
),

model_tiers as (
    select
        provider_name,
        model_id,
        model_tier
    from {{ ref('model_tiers') }}
),

feature_aliases as (
    select
        alias,
        feature_id,
        valid_from,
        valid_to
    from {{ ref('feature_aliases') }}
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

calls_with_provider as (
    select
        *,
        coalesce(provider_name, 'unknown') as named_provider_name,
        {{ own_feature_id('feature_id') }} as named_feature_id
    from calls
),

calls_with_model_id as (
    select
        calls_with_provider.*,
        -- What answered is what was billed: `gpt-4o` may be any of several dated models. Bedrock bills what was asked.
        coalesce(answering_models.model_id, named_models.model_id, 'unknown') as model_id,
        coalesce(
            answering_models.region_scope,
            named_models.region_scope,
            case when calls_with_provider.named_provider_name = 'aws.bedrock' then 'regional' else 'any' end
        ) as region_scope,
        coalesce(answering_models.is_known_model, named_models.is_known_model, false) as is_known_model
    from calls_with_provider
    left join model_names as answering_models
        on
            calls_with_provider.named_provider_name = answering_models.provider_name
            and calls_with_provider.named_provider_name != 'aws.bedrock'
            and calls_with_provider.response_model = answering_models.model_name
            and answering_models.is_known_model
    left join model_names as named_models
        on
            calls_with_provider.named_provider_name = named_models.provider_name
            and coalesce(calls_with_provider.request_model, calls_with_provider.response_model)
            = named_models.model_name
),

calls_resolved as (
    select
        calls_with_model_id.call_id,
        calls_with_model_id.trace_id,
        calls_with_model_id.span_id,
        coalesce(feature_aliases.feature_id, calls_with_model_id.named_feature_id, 'unattributed') as feature_id,
        coalesce(calls_with_model_id.pipeline_id, 'unknown') as pipeline_id,
        coalesce(
            calls_with_model_id.account_id, billing_sources.default_account_id, 'unknown'
        ) as billing_account_id,
        calls_with_model_id.journey_id,
        calls_with_model_id.user_id,
        calls_with_model_id.journey_name,
        coalesce(calls_with_model_id.scope_name, 'unknown') as scope_name,
        coalesce(calls_with_model_id.service_name, 'unknown') as service_name,
        coalesce(calls_with_model_id.task_type, 'unknown') as task_type,
        calls_with_model_id.operation_name,
        calls_with_model_id.named_provider_name as provider_name,
        coalesce(
            calls_with_model_id.request_model, calls_with_model_id.response_model, 'unknown'
        ) as request_model,
        calls_with_model_id.model_id,
        coalesce(model_tiers.model_tier, calls_with_model_id.model_tier, 'unknown') as model_tier,
        calls_with_model_id.region_scope,
        calls_with_model_id.processing,
        calls_with_model_id.dialect,
        calls_with_model_id.prompt_version,
        case
            when calls_with_model_id.feature_id is null then 'no_feature'
            when calls_with_model_id.named_feature_id is null then 'reserved_feature'
        end as feature_reason,
        calls_with_model_id.usage_gap,
        calls_with_model_id.uncached_input_tokens,
        calls_with_model_id.cache_read_input_tokens,
        calls_with_model_id.cache_write_5m_input_tokens,
        calls_with_model_id.cache_write_1h_input_tokens,
        calls_with_model_id.output_tokens,
        calls_with_model_id.reasoning_output_tokens,
        calls_with_model_id.usage_figure_count,
        calls_with_model_id.retry_count,
        calls_with_model_id.time_to_first_token_ms,
        -- A rerank request is one search unit per begun 100 documents; instrumentations record the documents.
        case
            when calls_with_model_id.operation_name = 'rerank' and calls_with_model_id.has_usage
                then
                    coalesce(
                        calls_with_model_id.search_unit_count,
                        cast({{ whole_quotient(
                            'greatest(coalesce(calls_with_model_id.input_document_count, 1), 1) + 99', '100'
                        ) }} as bigint)
                    )
            else calls_with_model_id.search_unit_count
        end as search_unit_count,
        case
            when
                coalesce(
                    calls_with_model_id.uncached_input_tokens,
                    calls_with_model_id.cache_read_input_tokens,
                    calls_with_model_id.cache_write_5m_input_tokens,
                    calls_with_model_id.cache_write_1h_input_tokens
                ) is not null
                then
                    coalesce(calls_with_model_id.uncached_input_tokens, 0)
                    + coalesce(calls_with_model_id.cache_read_input_tokens, 0)
                    + coalesce(calls_with_model_id.cache_write_5m_input_tokens, 0)
                    + coalesce(calls_with_model_id.cache_write_1h_input_tokens, 0)
        end as input_tokens,
        calls_with_model_id.has_usage,
        calls_with_model_id.is_error,
        calls_with_model_id.is_known_model,
        calls_with_model_id.usage_date,
        calls_with_model_id.started_at,
        calls_with_model_id.ended_at
    from calls_with_model_id
    left join model_tiers
        on
            calls_with_model_id.named_provider_name = model_tiers.provider_name
            and calls_with_model_id.model_id = model_tiers.model_id
    left join feature_aliases
        on
            calls_with_model_id.named_feature_id = feature_aliases.alias
            and (calls_with_model_id.usage_date >= feature_aliases.valid_from or feature_aliases.valid_from is null)
            and (calls_with_model_id.usage_date < feature_aliases.valid_to or feature_aliases.valid_to is null)
    left join billing_sources
        on
            calls_with_model_id.named_provider_name = billing_sources.provider_name
            and calls_with_model_id.usage_date >= billing_sources.valid_from
            and (calls_with_model_id.usage_date < billing_sources.valid_to or billing_sources.valid_to is null)
)

select * from calls_resolved
order by usage_date
