{#- Every date of the column is the first of a month; NULL is another test's business. -#}
{% test is_first_of_month(model, column_name) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} != cast(date_trunc('month', {{ column_name }}) as date)

{% endtest %}
