{#- Var reranker_top_k: how many places of an order count as its top. -#}
{% macro reranker_top_k() -%}
    {%- if execute and var('reranker_top_k') | int(0) < 1 -%}
        {{ exceptions.raise_compiler_error(
            "dbt var reranker_top_k is " ~ var('reranker_top_k') ~ ": give a whole number of places, 1 or more (dbt_project.yml says what it is for)"
        ) }}
    {%- endif -%}
    {{- return(var('reranker_top_k') | int(1)) -}}
{%- endmacro %}
