{#- Quotient as a double, NULL where there is nothing to divide by. -#}
{% macro ratio(dividend, divisor) -%}
    cast({{ dividend }} as double) / nullif(cast({{ divisor }} as double), 0)
{%- endmacro %}
