{#- No column that the model's contract calls not_null is NULL. Only on Spark: DuckDB sees to that itself. -#}
{% test keeps_its_not_nulls(model) %}

{{ config(enabled=target.type == 'spark') }}

{%- set columns = [] -%}
{%- if execute -%}
    {%- set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') -%}
    {%- set described = models | selectattr('name', 'equalto', model.identifier) | first -%}
    {%- for column in described.columns.values() if 'not_null' in column.constraints | map(attribute='type') -%}
        {%- do columns.append(column.name) -%}
    {%- endfor -%}
{%- endif %}

select *
from {{ model }}
where false {% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
