{#- Bedrock's spellings. Sources: Bedrock user guide, "Understanding your Amazon Bedrock Cost and Usage Report data" and
    "Supported Regions and models for inference profiles". -#}

{#- Model id or system inference profile (plain or as ARN) without its geography: us.anthropic.x -> anthropic.x -#}
{% macro bedrock_model_id(model) -%}
    regexp_replace(
        regexp_replace(lower({{ model }}), '^(arn:[^/]*:)?(foundation-model|inference-profile)/', ''),
        '^(us|us-gov|eu|apac|au|jp|ca|sa|in|global)[.]',
        ''
    )
{%- endmacro %}

{#- `global` for the worldwide profile, which has prices of its own; every other way to call is `regional`. -#}
{% macro bedrock_region_scope(model) -%}
    case when {{ is_match('lower(' ~ model ~ ')', "'(^|/)global[.]'") }} then 'global' else 'regional' end
{%- endmacro %}

{% macro bedrock_token_class(usage_type) -%}
    case
        when {{ is_match(usage_type, "'search_?units'") }} then 'search_unit'
        when
            {{ is_match(
                usage_type,
                "'guardrail|prompt-routing|evaluation|dataautomation|modelunits|provisionedthroughput|custommodelimport|customization'"
            ) }}
            then 'not_tokens'
        when {{ is_match(usage_type, "'cache[-_]?read'") }} then 'cache_read_input'
        when {{ is_match(usage_type, "'cache[-_]?write'") }} and {{ usage_type }} like '%1h%' then 'cache_write_1h_input'
        when {{ is_match(usage_type, "'cache[-_]?write'") }} then 'cache_write_5m_input'
        when {{ is_match(usage_type, "'output[-_]?token'") }} then 'output'
        when {{ is_match(usage_type, "'input[-_]?token|embed'") }} then 'uncached_input'
        else 'unknown'
    end
{%- endmacro %}

{% macro bedrock_processing(usage_type) -%}
    case
        when {{ usage_type }} like '%batch%' then 'batch'
        when {{ usage_type }} like '%-flex%' then 'flex'
        when {{ usage_type }} like '%-priority%' then 'priority'
        when {{ usage_type }} like '%reserved%' then 'reserved'
        when {{ usage_type }} like '%provisionedthroughput%' then 'provisioned'
        when {{ usage_type }} like '%latency-optimized%' then 'latency_optimized'
        else 'on_demand'
    end
{%- endmacro %}

{#- What a first-party usage type in lower case calls the model: use1-novalite-input-tokens -> novalite; NULL where it names none. -#}
{% macro bedrock_usage_name(usage_type) -%}
    nullif(
        regexp_extract({{ usage_type }}, '^[a-z0-9]+-(.+?)-(mantle-)?(input|output|cache|batch|flex|priority).*$', 1), ''
    )
{%- endmacro %}

{#- The model or system inference profile that a bill's resource names; NULL where it names none. -#}
{% macro bedrock_resource_model(resource_id) -%}
    nullif(regexp_extract({{ resource_id }}, ':((foundation-model|inference-profile)/.+)$', 1), '')
{%- endmacro %}

{#- How many tokens one billed unit is; marketplace meters say `Units` and mean a million. NULL: not known. -#}
{% macro tokens_per_unit(pricing_unit) -%}
    case
        when {{ is_match(pricing_unit, "'million|1m'") }} or {{ pricing_unit }} = 'units' then 1000000
        when {{ is_match(pricing_unit, "'thousand|1k'") }} then 1000
        when {{ pricing_unit }} = 'tokens' then 1
    end
{%- endmacro %}

{#- How many search units one billed unit is; here `Units` are the searches themselves. -#}
{% macro search_units_per_unit(pricing_unit) -%}
    case
        when {{ is_match(pricing_unit, "'million|1m'") }} then 1000000
        when {{ is_match(pricing_unit, "'thousand|1k'") }} then 1000
        else 1
    end
{%- endmacro %}
