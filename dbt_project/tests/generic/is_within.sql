{#- Every value of the column is above `above`, at least `least` and at most `most`, as far as these are given; NULL is another
    test's business. -#}
{% test is_within(model, column_name, above=none, least=none, most=none) %}

select {{ column_name }}
from {{ model }}
where
    {% if above is not none %}{{ column_name }} <= {{ above }} or {% endif -%}
    {% if least is not none %}{{ column_name }} < {{ least }} or {% endif -%}
    {% if most is not none %}{{ column_name }} > {{ most }} or {% endif -%}
    false

{% endtest %}
