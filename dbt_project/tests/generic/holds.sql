{#- The expression is true in every row; NULL is not. What is wrong stands in the name that the test is given. -#}
{% test holds(model, expression) %}

select *
from {{ model }}
where not coalesce({{ expression }}, false)

{% endtest %}
