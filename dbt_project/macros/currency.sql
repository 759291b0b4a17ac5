{#-
    What bills in other currencies need, the same for each: the rates of seed currency_rates with their last day, whether one of them
    holds on a day, an amount in USD, and the billed amount, which stops the query with a sentence where no rate holds. The model names
    the rates `currency_rates` and joins them to its rows, which so have usd_per_unit.
-#}
{% macro dated_currency_rates() -%}
    select
        currency_code as rate_currency_code,
        usd_per_unit,
        valid_from as rate_valid_from,
        lead(valid_from) over (partition by currency_code order by valid_from) as rate_valid_to
    from {{ ref('currency_rates') }}
{%- endmacro %}

{% macro is_rate_of(currency_code, day) -%}
    {{ currency_code }} = currency_rates.rate_currency_code
    and {{ day }} >= currency_rates.rate_valid_from
    and ({{ day }} < currency_rates.rate_valid_to or currency_rates.rate_valid_to is null)
{%- endmacro %}

{#-
    Amount of a bill line in USD, exact to the 12th place. Reads the currency of the bill (left out, that of a CUR), and usd_per_unit of
    the line's day, which is NULL where there is no rate: so is the amount then.
-#}
{% macro in_usd(amount, currency_code='line_item_currency_code') -%}
    case
        when {{ currency_code }} = 'USD' then cast({{ amount }} as decimal(38, 12))
        -- The product has 24 places; 14 digits are left before the point, and one more stops the build.
        else cast(cast({{ amount }} as decimal(38, 12)) * usd_per_unit as decimal(38, 12))
    end
{%- endmacro %}

{#-
    The amount that the build stands on: in USD, or refused. The sentence begins with what the bill says of which day (a list of SQL
    texts that are put together) and names what the amount is of.
-#}
{% macro billed_in_usd(amount, currency_code, says, about) -%}
    case
        when {{ currency_code }} = 'USD' or usd_per_unit is not null then {{ in_usd(amount, currency_code) }}
        else
            {{ refused_amount(
                "concat(" ~ says ~ ", ' in ', coalesce(" ~ currency_code ~ ", 'no currency'), ' (', " ~ about
                ~ ", '), and no rate to USD holds on that day: add one to seed currency_rates')"
            ) }}
    end
{%- endmacro %}
