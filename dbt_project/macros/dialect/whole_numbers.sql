{#- Whole numbers past 64 bits, for money in pico-dollars and its products: DuckDB has a type for them, Spark has decimals. -#}

{#- A whole number of up to 38 digits; a fraction is rounded half away from zero, and a number that is too large stops the query. -#}
{% macro whole_number(number) -%}
    {{ adapter.dispatch('whole_number', 'ai_finops')(number) }}
{%- endmacro %}

{% macro default__whole_number(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}

{% macro spark__whole_number(number) -%}
    cast({{ number }} as decimal(38, 0))
{%- endmacro %}

{#- Whole-number quotient, towards zero; a divisor of 0 stops the query, NULL gives NULL. -#}
{% macro whole_quotient(dividend, divisor) -%}
    {{ adapter.dispatch('whole_quotient', 'ai_finops')(dividend, divisor) }}
{%- endmacro %}

{% macro default__whole_quotient(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{#- Spark's `div` gives 64 bits and wraps around. Without its remainder a dividend divides exactly, so that `/` has nothing to
    round; with 26 digits in the divisor the quotient has room for 25, and a longer one stops the query. -#}
{% macro spark__whole_quotient(dividend, divisor) -%}
    cast(
        (
            {{ whole_number(dividend) }}
            - {{ whole_number(dividend) }} % cast({{ divisor }} as decimal(26, 0))
        ) / cast({{ divisor }} as decimal(26, 0)) as decimal(38, 0)
    )
{%- endmacro %}
