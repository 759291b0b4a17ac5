{#- The value of one of Cost Explorer's group keys, NULL where it was not grouped by. -#}
{% macro cost_explorer_key(name) -%}
    case '{{ name }}' when key_1_name then key_1_value when key_2_name then key_2_value end
{%- endmacro %}
