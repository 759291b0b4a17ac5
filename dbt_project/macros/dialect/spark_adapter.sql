{#- What dbt-spark's own macros of the same names get wrong, or do for engines of other settings. -#}

{#- With spark.sql.parser.escapedStringLiterals no backslash and no second quote escapes one, and literals side by side are one. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace("'", "' \"'\" '") }}
{%- endmacro %}

{#- Rows of a seed as literals: dbt-spark's session method writes a missing value as the word None, and a quote as it stands. -#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set column_types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
        {%- set statement -%}
            insert into {{ this.render() }} values
            {%- for row in chunk %}
            (
                {%- for column_name in agate_table.column_names -%}
                    {%- set value = row[column_name] -%}
                    {%- set literal = 'null' if value is none else dbt.string_literal(dbt.escape_single_quotes(value | string)) -%}
                    cast({{ literal }} as {{ column_types.get(column_name, adapter.convert_type(agate_table, loop.index0)) }})
                    {{- ', ' if not loop.last -}}
                {%- endfor -%}
            )
            {{- ', ' if not loop.last -}}
            {%- endfor -%}
        {%- endset -%}
        {%- do adapter.add_query(statement, abridge_sql_log=True) -%}
        {%- do statements.append(statement) -%}
    {%- endfor -%}
    {{ return(statements[0] if statements else '') }}
{%- endmacro %}

{#-
    A value of a unit test as a column's type. A map is written `{key=value, key='value'}`, as DuckDB reads it; and what Spark says
    of a column as `timestamp` is an instant, whatever spark.sql.timestampType makes of the word in a cast.
-#}
{% macro spark__safe_cast(field, type) -%}
    {%- if type.startswith('map') and field is string and field != 'null' -%}
        {%- set pairs = [] -%}
        {%- for pair in field.strip("'").strip('{}').split(', ') if pair -%}
            {%- set key, value = pair.split('=') -%}
            {%- do pairs.append("'" ~ key ~ "', '" ~ value.replace("' \"'\" '", '') ~ "'") -%}
        {%- endfor -%}
        cast(map({{ pairs | join(', ') }}) as {{ type }})
    {%- else -%}
        cast({{ field }} as {{ 'timestamp_ltz' if type == 'timestamp' else type }})
    {%- endif -%}
{%- endmacro %}
