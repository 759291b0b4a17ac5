{#- Amount ÷ quantity, both decimal(38, 12), to the 15th place: so that price × quantity gives the amount back to the 9th. -#}
{% macro unit_price(amount, quantity) -%}
    cast(
        cast(
            {{ divide_rounded(
                to_pico_usd(amount) ~ ' * ' ~ whole_number('1000000000000000') ~ ' * ' ~ sign_of(quantity),
                'nullif(abs(' ~ to_pico_usd(quantity) ~ '), 0)'
            ) }} as decimal(23, 0)
        ) * cast(0.000000000000001 as decimal(15, 15)) as decimal(38, 15)
    )
{%- endmacro %}
