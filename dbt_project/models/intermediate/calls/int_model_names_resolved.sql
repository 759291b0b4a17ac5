{#
    Grain: one row per provider_name and model_name that a call, a bill line or a shadow comparison names.

    A name is what the deployment's own aliases say, else a model of the price table as it stands, else what the first fitting rule
    of the catalog says, else itself. Bedrock's geography and ARN are spelling, and a profile whose model an invocation log told is that
    model; nothing else that hides its model behind an ARN is read as one because it looks like it.
#}
with

calls as (
    select
        coalesce(provider_name, 'unknown') as provider_name,
        request_model,
        response_model
    from {{ ref('int_llm_calls_deduplicated') }}
),

bill_lines as (
    select
        provider_name,
        resource_model
    from {{ ref('int_bill_lines_unioned') }}
),

shadow_spans as (
    select
        -- A comparison that says no provider is one of Bedrock's.
        coalesce(provider_name, 'aws.bedrock') as provider_name,
        {{ json_text('details_json', '$.baseline_model') }} as baseline_model,
        {{ json_text('details_json', '$.candidate_model') }} as candidate_model
    from {{ ref('stg_otlp_traces__spans') }}
    where operation_name = 'shadow'
),

profiles as (
    select
        inference_profile_arn,
        min(resolved_model_id) as model_id,
        min(region_scope) as region_scope
    from {{ ref('stg_bedrock_logs__invocations') }}
    where inference_profile_arn is not null and resolved_model_id is not null
    group by inference_profile_arn
    -- One that was made again for another model says nothing.
    having count(distinct resolved_model_id) = 1 and count(distinct region_scope) = 1
),

model_aliases as (
    select
        provider_name,
        alias,
        model_id
    from {{ ref('model_aliases') }}
    where alias_kind = 'request_model'
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

catalog_spellings as (
    select * from {{ ref('catalog_spellings') }}
),

names as (
    select
        provider_name,
        request_model as model_name
    from calls
    union
    select
        provider_name,
        response_model as model_name
    from calls
    union
    select
        provider_name,
        resource_model as model_name
    from bill_lines
    union
    select
        provider_name,
        baseline_model as model_name
    from shadow_spans
    union
    select
        provider_name,
        candidate_model as model_name
    from shadow_spans
),

names_spelled as (
    select
        names.provider_name,
        names.model_name,
        case
            when names.provider_name = 'aws.bedrock'
                then {{ bedrock_model_id('coalesce(profiles.model_id, names.model_name)') }}
            else names.model_name
        end as spelled_model_id,
        case
            when names.provider_name = 'aws.bedrock'
                then coalesce(profiles.region_scope, {{ bedrock_region_scope('names.model_name') }})
            else 'any'
        end as region_scope
    from names
    left join profiles on names.provider_name = 'aws.bedrock' and names.model_name = profiles.inference_profile_arn
    where names.model_name is not null
),

spellings_to_look_up as (
    select distinct
        provider_name,
        spelled_model_id,
        lower(spelled_model_id) as looked_up,
        1 as attempt
    from names_spelled
),

lookups as (
    select * from spellings_to_look_up
    union all
    -- Gateways write a date without dashes; the catalog has them.
    select
        provider_name,
        spelled_model_id,
        {{ with_dashed_dates('looked_up') }} as looked_up,
        2 as attempt
    from spellings_to_look_up
),

known_models_found as (
    select
        lookups.*,
        known_models.model_id,
        0 as precedence
    from lookups
    inner join known_models
        on
            lookups.provider_name = known_models.provider_name
            and lookups.looked_up = lower(known_models.model_id)
),

rules_found as (
    select
        lookups.*,
        catalog_spellings.model_id,
        catalog_spellings.precedence
    from lookups
    inner join catalog_spellings
        on
            lookups.provider_name = catalog_spellings.provider_name
            and case catalog_spellings.match_kind
                when 'equals' then lookups.looked_up = catalog_spellings.spelling
                when 'starts_with'
                    then left(lookups.looked_up, length(catalog_spellings.spelling)) = catalog_spellings.spelling
                when 'ends_with'
                    then right(lookups.looked_up, length(catalog_spellings.spelling)) = catalog_spellings.spelling
                when 'contains' then position(catalog_spellings.spelling in lookups.looked_up) > 0
                when 'pattern' then {{ is_match('lookups.looked_up', 'catalog_spellings.spelling') }}
            end
            and (
                catalog_spellings.excluded_pattern is null
                or not {{ is_match('lookups.looked_up', 'catalog_spellings.excluded_pattern') }}
            )
    -- What is left of an ARN is no model's name: a custom model's holds its base model's.
    where lookups.provider_name != 'aws.bedrock' or lookups.looked_up not like '%/%'
),

models_found_ranked as (
    select
        *,
        row_number() over (
            partition by provider_name, spelled_model_id
            -- of two ids that differ in case the one spelled so
            order by attempt, precedence, model_id != spelled_model_id, model_id
        ) as model_rank
    from (
        select * from known_models_found
        union all
        select * from rules_found
    ) as models_found
),

models_found as (
    select * from models_found_ranked
    where model_rank = 1
),

names_resolved as (
    select
        names_spelled.provider_name,
        names_spelled.model_name,
        coalesce(model_aliases.model_id, models_found.model_id, names_spelled.spelled_model_id) as model_id,
        names_spelled.region_scope,
        coalesce(model_aliases.model_id, models_found.model_id) is not null as is_known_model
    from names_spelled
    left join model_aliases
        on
            names_spelled.provider_name = model_aliases.provider_name
            and names_spelled.spelled_model_id = model_aliases.alias
    left join models_found
        on
            names_spelled.provider_name = models_found.provider_name
            and names_spelled.spelled_model_id = models_found.spelled_model_id
)

select * from names_resolved
