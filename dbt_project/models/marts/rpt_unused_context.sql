{#
    Grain: one row per usage_date, feature_id and evidence.

    What answering calls paid for retrieved documents that their answers did not draw on. Tokens and money are over calls of which both are
    known; unknown_cost_call_count says of how many they are not.
#}
with

calls as (
    select * from {{ ref('int_unused_documents_priced') }}
),

validations as (
    select
        feature_id,
        dimension,
        validation,
        usage_date
    from {{ ref('int_use_validations_named') }}
    where metric_name = 'unused_document_cost_ratio'
),

calls_summed as (
    select
        feature_id,
        evidence,
        count(*) as call_count,
        count(*) - count(unused_input_cost_usd) as unknown_cost_call_count,
        sum(document_count) as document_count,
        sum(unused_document_count) as unused_document_count,
        sum(input_tokens) filter (where unused_input_cost_usd is not null) as input_tokens,
        sum(unused_tokens) filter (where unused_input_cost_usd is not null) as unused_tokens,
        sum(input_cost_usd) filter (where unused_input_cost_usd is not null) as input_cost_usd,
        sum(unused_input_cost_usd) as unused_input_cost_usd,
        bool_or(is_token_count_estimated) as is_token_count_estimated,
        usage_date
    from calls
    group by usage_date, feature_id, evidence
),

unused_context as (
    select
        calls_summed.feature_id,
        calls_summed.evidence,
        -- An answer of the next day may use what was retrieved before midnight.
        coalesce(
            validations.validation, case when calls_summed.evidence = 'citation' then 'recorded' else 'unvalidated' end
        ) as validation,
        cast(calls_summed.call_count as bigint) as call_count,
        cast(calls_summed.unknown_cost_call_count as bigint) as unknown_cost_call_count,
        cast(calls_summed.document_count as bigint) as document_count,
        cast(calls_summed.unused_document_count as bigint) as unused_document_count,
        cast(calls_summed.input_tokens as bigint) as input_tokens,
        cast(calls_summed.unused_tokens as bigint) as unused_tokens,
        cast(calls_summed.input_cost_usd as decimal(18, 6)) as input_cost_usd,
        cast(calls_summed.unused_input_cost_usd as decimal(18, 6)) as unused_input_cost_usd,
        calls_summed.is_token_count_estimated,
        calls_summed.usage_date
    from calls_summed
    left join validations
        on
            calls_summed.usage_date = validations.usage_date
            and calls_summed.feature_id = validations.feature_id
            and 'evidence=' || calls_summed.evidence = validations.dimension
)

select * from unused_context
