{#- What the running total of the weights adds to a whole number at this row, rounded; the parts of all rows add up to the number. -#}
{% macro part_up_to_weight(whole) -%}
    {{ divide_rounded('(' ~ whole ~ ') * weight_up_to', 'total_weight') }}
    - {{ divide_rounded('(' ~ whole ~ ') * (weight_up_to - weight)', 'total_weight') }}
{%- endmacro %}
