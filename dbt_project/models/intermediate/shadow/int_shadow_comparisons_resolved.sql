{#
    Grain: one row per comparison, trace_id and span_id: a candidate model answered beside the one in use, both were marked, and the
    models have the names that calls have. Of shadow runs, and of `ai-finops routing analyze`, which asked the candidate later and
    took the answer in use for right; its span_id has the candidate's name beside the call's.

    A span that says no provider is read as Bedrock's, unless its word is a model of the price table as it stands.
#}
with

shadow_spans as (
    select
        trace_id,
        span_id,
        provider_name,
        object_key,
        object_line,
        nullif({{ json_text('details_json', '$.task_type') }}, '') as task_type,
        nullif({{ json_text('details_json', '$.baseline_model') }}, '') as baseline_model,
        nullif({{ json_text('details_json', '$.candidate_model') }}, '') as candidate_model,
        try_cast({{ json_text('details_json', '$.baseline_correct') }} as boolean) as is_baseline_correct,
        try_cast({{ json_text('details_json', '$.candidate_correct') }} as boolean) as is_candidate_correct,
        {% for side in ['baseline', 'candidate'] %}
        try_cast({{ json_text('details_json', '$.' ~ side ~ '_input_tokens') }} as bigint) as {{ side }}_input_tokens,
        try_cast({{ json_text('details_json', '$.' ~ side ~ '_output_tokens') }} as bigint) as {{ side }}_output_tokens,
        {% endfor %}
        usage_date,
        landing_date
    from {{ ref('stg_otlp_traces__spans') }}
    where operation_name = 'shadow' and usage_date < cast('{{ var("as_of_date") }}' as date)
),

model_names as (
    select * from {{ ref('int_model_names_resolved') }}
),

priced_models as (
    select distinct model_id
    from {{ ref('stg_price_catalog__prices') }}
),

deliveries_ranked as (
    select
        *,
        row_number() over (
            partition by trace_id, span_id
            order by object_key asc nulls last, object_line asc nulls last, landing_date asc nulls last
        ) as delivery_rank
    from shadow_spans
    -- Without both marks and both models it is no evidence.
    where
        task_type is not null
        and baseline_model is not null
        and candidate_model is not null
        and is_baseline_correct is not null
        and is_candidate_correct is not null
),

comparisons as (
    select * from deliveries_ranked
    where delivery_rank = 1
),

names as (
    select
        provider_name,
        baseline_model as model_name
    from comparisons
    union
    select
        provider_name,
        candidate_model as model_name
    from comparisons
),

models_resolved as (
    select
        names.provider_name,
        names.model_name,
        case
            when names.provider_name is null and priced_models.model_id is not null then names.model_name
            else coalesce(model_names.model_id, names.model_name)
        end as model_id
    from names
    left join priced_models on names.model_name = priced_models.model_id
    left join model_names
        on
            coalesce(names.provider_name, 'aws.bedrock') = model_names.provider_name
            and names.model_name = model_names.model_name
),

comparisons_resolved as (
    select
        comparisons.trace_id,
        comparisons.span_id,
        comparisons.task_type,
        baseline_models.model_id as baseline_model_id,
        candidate_models.model_id as candidate_model_id,
        comparisons.baseline_input_tokens,
        comparisons.baseline_output_tokens,
        comparisons.candidate_input_tokens,
        comparisons.candidate_output_tokens,
        comparisons.is_candidate_correct or not comparisons.is_baseline_correct as is_no_worse,
        comparisons.usage_date as made_date
    from comparisons
    inner join models_resolved as baseline_models
        on
            comparisons.baseline_model = baseline_models.model_name
            and comparisons.provider_name is not distinct from baseline_models.provider_name
    inner join models_resolved as candidate_models
        on
            comparisons.candidate_model = candidate_models.model_name
            and comparisons.provider_name is not distinct from candidate_models.provider_name
),

analysed_comparisons as (
    select
        trace_id,
        span_id || '/' || candidate_model_id as span_id,
        task_type,
        baseline_model_id,
        candidate_model_id,
        baseline_input_tokens,
        baseline_output_tokens,
        candidate_input_tokens,
        candidate_output_tokens,
        is_no_worse,
        made_date
    from {{ ref('stg_routing_findings__comparisons') }}
    where made_date < cast('{{ var("as_of_date") }}' as date)
),

all_comparisons as (
    select * from comparisons_resolved
    union all
    select * from analysed_comparisons
)

select * from all_comparisons
