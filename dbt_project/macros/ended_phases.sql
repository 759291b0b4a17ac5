{#-
    Table raw.ended_phases of a DuckDB warehouse: the phases of which the last run that made any model made all models, and failed in
    no node. A run that is killed leaves its phase out. Only a warehouse whose phase 1 has ended may be copied by the next build.
-#}
{% macro forget_ended_phases() -%}
    {%- if execute and target.type == 'duckdb' %}
        create schema if not exists raw;
        create table if not exists raw.ended_phases (phase string not null);
        {%- for phase in ['phase_1', 'phase_2'] %}
            {%- for node in graph.nodes.values() if phase in node.tags and node.unique_id in selected_resources %}
                {%- if loop.first %}
        delete from raw.ended_phases where phase = '{{ phase }}';
                {%- endif %}
            {%- endfor %}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}

{% macro note_ended_phases(results) -%}
    {%- if execute and target.type == 'duckdb' %}
        {%- set failures = results | map(attribute='status') | map('string')
            | reject('in', ['success', 'pass', 'warn']) | list %}
        {%- for phase in ['phase_1', 'phase_2'] if not failures %}
            {%- set missing = [] %}
            {%- for node in graph.nodes.values() if phase in node.tags and node.resource_type == 'model' %}
                {%- do missing.append(node.name) if node.unique_id not in selected_resources %}
            {%- endfor %}
            {%- if not missing %}
        insert into raw.ended_phases values ('{{ phase }}');
            {%- endif %}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}
