{#- The folder's schema as it is written in dbt_project.yml: marts are `marts.…`, in every target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
