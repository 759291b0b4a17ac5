{#- The columns together are different in every row; a NULL counts as a value. -#}
{% test is_unique_by(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
