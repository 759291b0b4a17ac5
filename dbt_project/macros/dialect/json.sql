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

{#- A map as a JSON object, its keys in order; NULL of NULL. -#}
{% macro sorted_map_json(map) -%}
    {{ adapter.dispatch('sorted_map_json', 'ai_finops')(map) }}
{%- endmacro %}

{% macro default__sorted_map_json(map) -%}
    cast(to_json(map_from_entries(list_sort(map_entries({{ map }})))) as string)
{%- endmacro %}

{% macro spark__sorted_map_json(map) -%}
    to_json(map_from_entries(array_sort(map_entries({{ map }}))))
{%- endmacro %}

{#- Key of texts that may be NULL: MD5 of them as a JSON array. -#}
{% macro texts_digest(texts) -%}
    {{ adapter.dispatch('texts_digest', 'ai_finops')(texts) }}
{%- endmacro %}

{% macro default__texts_digest(texts) -%}
    md5(to_json([{{ texts | join(', ') }}]))
{%- endmacro %}

{% macro spark__texts_digest(texts) -%}
    md5(to_json(array({{ texts | join(', ') }})))
{%- endmacro %}
