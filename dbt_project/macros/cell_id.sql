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

{#- The same without the day, of usage: which batches and which days of their bill belong together. -#}
{% macro batch_key() -%}
    concat_ws('|', provider_name, billing_account_id, model_id, token_class, region_scope, processing)
{%- endmacro %}
