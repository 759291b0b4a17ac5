{#
    Grain: one row per usage_date, feature_id, dimension and metric_name; feature_id `total` is all features together.

    What stands beside a value that is made of judged documents: `recorded` for citations; for estimates the agreement of their method
    with labels (seed metric_validations), or `unvalidated` where there are too few labels or none, or the estimates are of several methods.
#}
with

documents as (
    select
        trace_id,
        evidence,
        method_id,
        usage_date
    from {{ ref('int_documents_judged') }}
    where evidence != 'none'
),

answers as (
    select distinct
        trace_id,
        feature_id
    from {{ ref('fct_llm_calls') }}
    where is_generating
),

validations as (
    select * from {{ ref('metric_validations') }}
    where labelled_count >= {{ var('smallest_labelled_count') }}
),

metrics as (
    {% for metric in ['retrieval_hit_document_ratio', 'retrieval_hit_query_ratio', 'unused_document_cost_ratio'] %}
    select '{{ metric }}' as metric_name
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

documents_by_feature as (
    select
        answers.feature_id,
        documents.evidence,
        documents.method_id,
        documents.usage_date
    from documents
    inner join answers on documents.trace_id = answers.trace_id
    union all
    select
        'total' as feature_id,
        documents.evidence,
        documents.method_id,
        documents.usage_date
    from documents
),

methods_found as (
    select
        feature_id,
        evidence,
        -- One that is not named is another one.
        case when count(distinct method_id) = 1 and count(method_id) = count(*) then min(method_id) end as method_id,
        usage_date
    from documents_by_feature
    group by usage_date, feature_id, evidence
),

use_validations_named as (
    select
        methods_found.feature_id,
        'evidence=' || methods_found.evidence as dimension,
        metrics.metric_name,
        case
            when methods_found.evidence = 'citation' then 'recorded'
            when validations.metric_name is null then 'unvalidated'
            else
                'agreement ' || cast(cast(validations.agreement_ratio as decimal(3, 2)) as string)
                || ' (n=' || cast(validations.labelled_count as string) || ')'
        end as validation,
        case when methods_found.evidence != 'citation' then validations.low_agreement_ratio end as low_agreement_ratio,
        methods_found.usage_date
    from methods_found
    cross join metrics
    left join validations
        on
            metrics.metric_name = validations.metric_name
            and 'evidence=' || methods_found.evidence = validations.dimension
            and methods_found.method_id = validations.method_id
)

select * from use_validations_named
