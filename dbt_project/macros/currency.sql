{#-
    Amount of a bill line in USD, exact to the 12th place. Reads line_item_currency_code, and usd_per_unit of the line's day, which
    is NULL where there is no rate: so is the amount then.
-#}
{% macro in_usd(amount) -%}
    case
        when line_item_currency_code = 'USD' then cast({{ amount }} as decimal(38, 12))
        -- The product has 24 places; 14 digits are left before the point, and one more stops the build.
        else cast(cast({{ amount }} as decimal(38, 12)) * usd_per_unit as decimal(38, 12))
    end
{%- endmacro %}
