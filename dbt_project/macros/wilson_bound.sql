{#- End of the 95 % Wilson score interval of a share, as `ai_finops.analyse.agreement` has it; NULL where nothing was counted. -#}
{% macro wilson_bound(end, share, sample_count) -%}
{%- set square = '3.841458820694124' -%}
    {{ 'greatest(0, ' if end == 'low' else 'least(1, ' }}(
        {{ share }} + {{ square }} / (2 * nullif({{ sample_count }}, 0)) {{ '-' if end == 'low' else '+' }} sqrt({{ square }} * (
            {{ share }} * (1 - {{ share }}) / nullif({{ sample_count }}, 0)
            + {{ square }} / (4 * nullif({{ sample_count }}, 0) * nullif({{ sample_count }}, 0))
        ))
    ) / (1 + {{ square }} / nullif({{ sample_count }}, 0)))
{%- endmacro %}
