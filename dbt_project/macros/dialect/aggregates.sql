{#- Aggregates and window functions. -#}

{#- A group's different values as one text, sorted, with a plus sign between them. -#}
{% macro joined_distinct(column) -%}
    {{ adapter.dispatch('joined_distinct', 'ai_finops')(column) }}
{%- endmacro %}

{% macro default__joined_distinct(column) -%}
    string_agg(distinct {{ column }}, '+' order by {{ column }})
{%- endmacro %}

{#- Two listagg(distinct …) in one select end in a ClassCastException (Spark 4.3.0). -#}
{% macro spark__joined_distinct(column) -%}
    case when count({{ column }}) > 0 then array_join(array_sort(collect_set({{ column }})), '+') end
{%- endmacro %}

{#- A group's texts as one, in the order of another column, with a comma between them; NULL is left out. -#}
{% macro joined(text, order_column) -%}
    {{ adapter.dispatch('joined', 'ai_finops')(text, order_column) }}
{%- endmacro %}

{% macro default__joined(text, order_column) -%}
    string_agg({{ text }}, ', ' order by {{ order_column }})
{%- endmacro %}

{% macro spark__joined(text, order_column) -%}
    listagg({{ text }}, ', ') within group (order by {{ order_column }})
{%- endmacro %}

{#- The last value of a window that is not NULL. -#}
{% macro last_said(column, window) -%}
    {{ adapter.dispatch('last_said', 'ai_finops')(column, window) }}
{%- endmacro %}

{% macro default__last_said(column, window) -%}
    last_value({{ column }} ignore nulls) over {{ window }}
{%- endmacro %}

{% macro spark__last_said(column, window) -%}
    last_value({{ column }}) ignore nulls over {{ window }}
{%- endmacro %}

{#- The smallest of a group's values that at least that part of them do not exceed; NULL counts as none. -#}
{% macro discrete_quantile(column, part) -%}
    {{ adapter.dispatch('discrete_quantile', 'ai_finops')(column, part) }}
{%- endmacro %}

{% macro default__discrete_quantile(column, part) -%}
    quantile_disc({{ column }}, {{ part }})
{%- endmacro %}

{#- percentile_disc gives a double, which has no room for a decimal(38, 12). -#}
{% macro spark__discrete_quantile(column, part) -%}
    get(
        array_sort(collect_list({{ column }})),
        greatest(
            cast(count({{ column }}) - floor(count({{ column }}) - cast({{ part }} as double) * count({{ column }})) as int), 1
        ) - 1
    )
{%- endmacro %}
