{#- Money as whole numbers, because DuckDB divides decimals as doubles and Spark rounds them. 1 pico-dollar = 1e-12 USD, 1 micro-dollar = 1e-6 USD. -#}

{% macro to_pico_usd(usd) -%}
    {{ whole_number(usd ~ ' * ' ~ whole_number('1000000000000')) }}
{%- endmacro %}

{% macro to_micro_usd(usd) -%}
    {{ whole_number('cast(' ~ usd ~ ' as decimal(18, 6)) * ' ~ whole_number('1000000')) }}
{%- endmacro %}

{% macro pico_to_usd(pico_usd) -%}
    cast(cast({{ pico_usd }} as decimal(26, 0)) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
{%- endmacro %}

{% macro micro_to_usd(micro_usd) -%}
    cast(cast({{ micro_usd }} as decimal(18, 0)) * cast(0.000001 as decimal(6, 6)) as decimal(18, 6))
{%- endmacro %}

{#- Whole-number quotient, half away from zero; the divisor must be positive. -#}
{% macro divide_rounded(dividend, divisor) -%}
    case
        when {{ dividend }} < 0 then - {{ whole_quotient('2 * - (' ~ dividend ~ ') + ' ~ divisor, '2 * ' ~ divisor) }}
        else {{ whole_quotient('2 * (' ~ dividend ~ ') + ' ~ divisor, '2 * ' ~ divisor) }}
    end
{%- endmacro %}

{#- -1, 0 or 1; NULL of NULL. A function `sign` gives a double on Spark. -#}
{% macro sign_of(number) -%}
    case when {{ number }} < 0 then -1 when {{ number }} > 0 then 1 when {{ number }} = 0 then 0 end
{%- endmacro %}
