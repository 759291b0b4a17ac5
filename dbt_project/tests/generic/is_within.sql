{#- Every value of the column is above `above`, at least `least` and at most `most`, as far as these are given; NULL is
    another test's business. -#}
{% test is_within(model, column_name, above=none, least=none, most=none) %}

{%- set beyond = [] -%}
{%- if above is not none %}{% do beyond.append(column_name ~ ' <= ' ~ above) %}{% endif -%}
{%- if least is not none %}{% do beyond.append(column_name ~ ' < ' ~ least) %}{% endif -%}
{%- if most is not none %}{% do beyond.append(column_name ~ ' > ' ~ most) %}{% endif -%}

select {{ column_name }}
from {{ model }}
where {{ beyond | join(' or ') }}

{% endtest %}
