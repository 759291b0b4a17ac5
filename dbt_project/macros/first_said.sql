{#- Of a group's values the first that is not NULL, in the order of another column. -#}
{% macro first_said(column, order_column) -%}
    min_by({{ column }}, {{ order_column }}) filter (where {{ column }} is not null)
{%- endmacro %}
