{#- JSON in a text column. -#}

{#- The value at a path as text, without quotes; NULL where there is none or it is null. -#}
{% macro json_text(json, path) -%}
    {{ adapter.dispatch('json_text', 'ai_finops')(json, path) }}
{%- endmacro %}

{% macro default__json_text(json, path) -%}
    json_extract_string({{ json }}, '{{ path }}')
{%- endmacro %}

{% macro spark__json_text(json, path) -%}
    get_json_object({{ json }}, '{{ path }}')
{%- endmacro %}

{#- How many elements the array at a path has; NULL where there is nothing at the path. -#}
{% macro json_length(json, path) -%}
    {{ adapter.dispatch('json_length', 'ai_finops')(json, path) }}
{%- endmacro %}

{% macro default__json_length(json, path) -%}
    cast(json_array_length({{ json }}, '{{ path }}') as bigint)
{%- endmacro %}

{% macro spark__json_length(json, path) -%}
    cast(json_array_length(get_json_object({{ json }}, '{{ path }}')) as bigint)
{%- endmacro %}

{#- The elements of the array at a path, as a list of texts: strings without quotes, objects as JSON. -#}
{% macro json_elements(json, path) -%}
    {{ adapter.dispatch('json_elements', 'ai_finops')(json, path) }}
{%- endmacro %}

{% macro default__json_elements(json, path) -%}
    json_extract_string({{ json }}, '{{ path }}[*]')
{%- endmacro %}

{% macro spark__json_elements(json, path) -%}
    from_json(get_json_object({{ json }}, '{{ path }}'), 'array<string>')
{%- endmacro %}
