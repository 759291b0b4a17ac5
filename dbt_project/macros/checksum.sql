{#- Of the rows of a group, all columns of the relation together, in whatever order the rows come. -#}
{% macro checksum(relation) -%}
    {%- if target is defined and target.type == 'spark' -%}
        sum(cast(xxhash64(struct({{ relation }}.*)) as decimal(38, 0)))
    {%- else -%}
        sum(cast(hash({{ relation }}) as hugeint))
    {%- endif -%}
{%- endmacro %}

{#- 64 bits that stand for the values of some columns, NULL among them: equal for equal values, and else all but certainly not. -#}
{% macro hashed(columns) -%}
    {%- if target is defined and target.type == 'spark' -%} xxhash64({{ columns | join(', ') }})
    {%- else -%} hash({{ columns | join(', ') }})
    {%- endif -%}
{%- endmacro %}
