{#- Texts. A regular expression may use what RE2 (DuckDB) and Java (Spark) both read. -#}

{#- Whether a part of the text matches the regular expression. -#}
{% macro is_match(text, pattern) -%}
    {{ adapter.dispatch('is_match', 'ai_finops')(text, pattern) }}
{%- endmacro %}

{% macro default__is_match(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}

{% macro spark__is_match(text, pattern) -%}
    regexp_like({{ text }}, {{ pattern }})
{%- endmacro %}

{#- The text with dashes in the dates that it has without: claude-sonnet-4-20250514 -> claude-sonnet-4-2025-05-14 -#}
{% macro with_dashed_dates(text) -%}
    {{ adapter.dispatch('with_dashed_dates', 'ai_finops')(text, '-(20[0-9][0-9])(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(-|:|$)') }}
{%- endmacro %}

{% macro default__with_dashed_dates(text, pattern) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '-\1-\2-\3\4', 'g')
{%- endmacro %}

{% macro spark__with_dashed_dates(text, pattern) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '-$1-$2-$3$4')
{%- endmacro %}

{#- A DECIMAL(38, 12) that stops the query with a sentence as soon as a row needs it. -#}
{% macro refused_amount(sentence) -%}
    {{ adapter.dispatch('refused_amount', 'ai_finops')(sentence) }}
{%- endmacro %}

{% macro default__refused_amount(sentence) -%}
    cast(error({{ sentence }}) as decimal(38, 12))
{%- endmacro %}

{% macro spark__refused_amount(sentence) -%}
    cast(raise_error({{ sentence }}) as decimal(38, 12))
{%- endmacro %}
