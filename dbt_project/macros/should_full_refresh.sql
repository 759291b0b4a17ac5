{#-
    Whether a table is made anew instead of added to; dbt asks this of itself. A build from nothing replaces what an attempt before
    left in its warehouse. Not the config `full_refresh`: that is read when the project is parsed, and a project is parsed
    without the vars of a build.
-#}
{% macro should_full_refresh() -%}
    {%- do return(var('built_on_as_of_date', '') == '') -%}
{%- endmacro %}
