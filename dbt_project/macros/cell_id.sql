{#- Key of the bill's cell that usage belongs to, from the columns of the same names. -#}
{% macro cell_id(charge_category="'usage'") -%}
    concat_ws(
        '|',
        usage_date,
        provider_name,
        billing_account_id,
        {{ charge_category }},
        model_id,
        token_class,
        region_scope,
        processing
    )
{%- endmacro %}
