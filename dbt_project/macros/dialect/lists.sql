{#- Lists and maps. -#}

{#- A map from text to text. -#}
{% macro text_map(map) -%}
    {{ adapter.dispatch('text_map', 'ai_finops')(map) }}
{%- endmacro %}

{% macro default__text_map(map) -%}
    cast({{ map }} as map (varchar, varchar))
{%- endmacro %}

{% macro spark__text_map(map) -%}
    cast({{ map }} as map<string, string>)
{%- endmacro %}

{#- Two columns of a select: an element of the list on each row, and its place, from 1; a row without elements is left out. -#}
{% macro unnested(list, element, place) -%}
    {{ adapter.dispatch('unnested', 'ai_finops')(list, element, place) }}
{%- endmacro %}

{% macro default__unnested(list, element, place) -%}
    unnest({{ list }}) as {{ element }},
    generate_subscripts({{ list }}, 1) as {{ place }}
{%- endmacro %}

{#- posexplode counts from 0, and a generator's columns cannot be computed with beside it: so a first element is put before. -#}
{% macro spark__unnested(list, element, place) -%}
    inline(transform({{ list }}, (value, position) -> struct(value, position + 1))) as ({{ element }}, {{ place }})
{%- endmacro %}

{#- A group's values as a list, in the order of another column. -#}
{% macro listed(column, order_column) -%}
    {{ adapter.dispatch('listed', 'ai_finops')(column, order_column) }}
{%- endmacro %}

{% macro default__listed(column, order_column) -%}
    list({{ column }} order by {{ order_column }})
{%- endmacro %}

{% macro spark__listed(column, order_column) -%}
    transform(array_sort(collect_list(struct({{ order_column }}, {{ column }}))), pair -> pair.{{ column }})
{%- endmacro %}

{#- The first value, in the order of the keys, that a map has for one of them and that names a feature. -#}
{% macro first_tagged_feature(keys, map) -%}
    {{ adapter.dispatch('first_tagged_feature', 'ai_finops')(keys, map) }}
{%- endmacro %}

{% macro default__first_tagged_feature(keys, map) -%}
    list_filter(
        list_transform({{ keys }}, lambda tag_key: trim({{ map }}[tag_key])),
        lambda tag_value: {{ own_feature_id('tag_value') }} is not null and tag_value != ''
    )[1]
{%- endmacro %}

{% macro spark__first_tagged_feature(keys, map) -%}
    get(
        filter(
            transform({{ keys }}, tag_key -> trim({{ map }}[tag_key])),
            tag_value -> {{ own_feature_id('tag_value') }} is not null and tag_value != ''
        ),
        0
    )
{%- endmacro %}

{#- What two columns are ordered by together: the first, then the second. -#}
{% macro ordered_pair(first, second) -%}
    {{ adapter.dispatch('ordered_pair', 'ai_finops')(first, second) }}
{%- endmacro %}

{% macro default__ordered_pair(first, second) -%}
    row({{ first }}, {{ second }})
{%- endmacro %}

{% macro spark__ordered_pair(first, second) -%}
    struct({{ first }}, {{ second }})
{%- endmacro %}
