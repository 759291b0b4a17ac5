{#- Of the rows of a group, all columns of the relation together, in whatever order the rows come. -#}
{% macro checksum(relation) -%}
    sum(cast(hash({{ relation }}) as hugeint))
{%- endmacro %}
