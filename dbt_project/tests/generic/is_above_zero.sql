{#- Every value of the column is above 0; NULL is another test's business. -#}
{% test is_above_zero(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} <= 0

{% endtest %}
