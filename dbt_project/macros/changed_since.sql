{#-
    What a build that began as a copy of an earlier one makes again. Each macro is a condition for a `where`, and `true` in a build from
    nothing; in a copy it is true of the rows that the change may have touched. Dates are written out, so that the
    storage behind a table can pass over all others. Var built_on_as_of_date says which build it is: the first day that the
    earlier one did not hold, or nothing. Why and how: docs/decisions/0010-builds-start-from-the-last.md
    The project is parsed as for a copy, which refers to the most, and run as for the build that it is (ai_finops.build.parsing).
-#}

{#- Rows of partitions that are new, gone or of other content since the build that this one began as. -#}
{% macro is_landed_since(source_name, landing_date='landing_date') -%}
    {%- if var('built_on_as_of_date', '') != '' -%}
        {{ landing_date }} in (
            {{ dates_listed('select cast(partition_key as date) from ' ~ source('lake', 'changed_partitions') ~ " where source = '" ~ source_name ~ "'") }}
        )
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{#- Rows of traces, and records without a trace, that a change may have touched; date_column is usage_date or landing_date. -#}
{% macro is_of_changed_trace(trace_key, date_column='usage_date') -%}
    {%- if var('built_on_as_of_date', '') != '' -%}
        {%- set changed = ref('int_traces_changed') -%}
        {{ date_column }} in (
            {{ dates_listed('select distinct ' ~ date_column.split('.')[-1] ~ ' from ' ~ changed) }}
        )
        and {{ trace_key }} in (select changed_traces.trace_key from {{ changed }} as changed_traces)
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{#- Rows of days of which anything that call costs are made of has changed. -#}
{% macro is_on_changed_day(usage_date='usage_date') -%}
    {%- if var('built_on_as_of_date', '') != '' -%}
        {{ usage_date }} in (
            {{ dates_listed('select usage_date from ' ~ ref('int_days_compared') ~ ' where is_changed') }}
        )
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{#- Var batch_days: how many days later than it was begun a batch may be billed. -#}
{% macro batch_days() -%}
    {%- if execute and var('batch_days') | int(0) < 1 -%}
        {{ exceptions.raise_compiler_error(
            "dbt var batch_days is " ~ var('batch_days') ~ ": give a whole number of days, 1 or more (dbt_project.yml says what it is for)"
        ) }}
    {%- endif -%}
    {{- return(var('batch_days') | int(1)) -}}
{%- endmacro %}

{#- Rows of those days, and of as many days before and after as a batch may be billed later. -#}
{% macro is_near_changed_day(usage_date='usage_date') -%}
    {%- if var('built_on_as_of_date', '') != '' -%}
        {%- set changed -%}
            select usage_date from {{ ref('int_days_compared') }} where is_changed
            {%- for distance in range(1, batch_days() + 1) %}
            {%- for sign in ['-', '+'] %}
            union select cast(usage_date {{ sign }} interval {{ distance }} day as date) from {{ ref('int_days_compared') }} where is_changed
            {%- endfor %}
            {%- endfor %}
        {%- endset -%}
        {{ usage_date }} in ({{ dates_listed(changed) }})
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{#- For a model's pre_hook: takes out of its table the rows that it is about to make again, and those that it no longer makes. -#}
{% macro delete_rows(condition) -%}
    {%- if var('built_on_as_of_date', '') != '' -%} delete from {{ this }} where {{ condition }} {%- endif -%}
{%- endmacro %}

{#- The same for a table of landed rows of the sources named in it. -#}
{% macro delete_changed_landings(source_names) -%}
    {%- if var('built_on_as_of_date', '') != '' -%}
        delete from {{ this }} where false
        {%- for source_name in source_names %}
            or (source = '{{ source_name }}' and {{ is_landed_since(source_name) }})
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{#- The dates that a query gives, written out; NULL, which no date is in, where it gives none. -#}
{% macro dates_listed(query) -%}
    {%- if execute -%}
        {%- set dates = run_query(query).columns[0].values() | reject('none') | map('string') | sort -%}
    {%- endif -%}
    {%- for each in dates or [] -%}
        date '{{ each[:10] }}' {%- if not loop.last %}, {% endif -%}
    {%- else -%} cast(null as date)
    {%- endfor -%}
{%- endmacro %}
