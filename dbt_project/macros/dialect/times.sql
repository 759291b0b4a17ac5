{#- Times. In the lake a time is an instant; in the models it is the UTC clock's, without a zone. -#}

{#- The UTC clock at an instant, as a timestamp without a zone. -#}
{% macro utc_timestamp(instant) -%}
    {{ adapter.dispatch('utc_timestamp', 'ai_finops')(instant) }}
{%- endmacro %}

{% macro default__utc_timestamp(instant) -%}
    cast({{ instant }} at time zone 'UTC' as timestamp)
{%- endmacro %}

{#- The session's zone is UTC (profiles.yml). -#}
{% macro spark__utc_timestamp(instant) -%}
    cast({{ instant }} as timestamp_ntz)
{%- endmacro %}

{#- The UTC day of an instant. -#}
{% macro utc_date(instant) -%}
    cast({{ utc_timestamp(instant) }} as date)
{%- endmacro %}

{#- Milliseconds begun between two timestamps: those of the second minus those of the first. -#}
{% macro milliseconds_between(first, second) -%}
    {{ adapter.dispatch('milliseconds_between', 'ai_finops')(first, second) }}
{%- endmacro %}

{% macro default__milliseconds_between(first, second) -%}
    cast(datediff('millisecond', {{ first }}, {{ second }}) as bigint)
{%- endmacro %}

{% macro spark__milliseconds_between(first, second) -%}
    unix_millis(cast({{ second }} as timestamp_ltz)) - unix_millis(cast({{ first }} as timestamp_ltz))
{%- endmacro %}

{#- A timestamp so many milliseconds later. -#}
{% macro milliseconds_after(timestamp, milliseconds) -%}
    {{ adapter.dispatch('milliseconds_after', 'ai_finops')(timestamp, milliseconds) }}
{%- endmacro %}

{% macro default__milliseconds_after(timestamp, milliseconds) -%}
    {{ timestamp }} + to_milliseconds({{ milliseconds }})
{%- endmacro %}

{% macro spark__milliseconds_after(timestamp, milliseconds) -%}
    timestampadd(millisecond, {{ milliseconds }}, {{ timestamp }})
{%- endmacro %}

{#- Days from one date to another, a whole number. -#}
{% macro days_between(first, second) -%}
    {{ adapter.dispatch('days_between', 'ai_finops')(first, second) }}
{%- endmacro %}

{% macro default__days_between(first, second) -%}
    ({{ second }} - {{ first }})
{%- endmacro %}

{% macro spark__days_between(first, second) -%}
    datediff({{ second }}, {{ first }})
{%- endmacro %}

{#- A date so many days later; the number is whole, and may be negative. -#}
{% macro days_after(date, days) -%}
    {{ adapter.dispatch('days_after', 'ai_finops')(date, days) }}
{%- endmacro %}

{% macro default__days_after(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__days_after(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}
