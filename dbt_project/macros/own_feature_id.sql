{#- A feature that a span or a tag names; NULL where the name is one that the marts use for something else. -#}
{% macro own_feature_id(feature_id) -%}
    case when lower({{ feature_id }}) not in ('total', 'unattributed', 'not_allocated') then {{ feature_id }} end
{%- endmacro %}
