{#- Whether nothing about two candidates, by alias, says that they are two calls: neither their provider ids nor their models. -#}
{% macro may_be_one_call(one, other) -%}
    (
        ({{ one }}.response_id = {{ other }}.response_id) is not false
        and ({{ one }}.request_id = {{ other }}.request_id) is not false
        and (
            coalesce({{ one }}.request_model_key, {{ one }}.response_model_key) is null
            or coalesce({{ other }}.request_model_key, {{ other }}.response_model_key) is null
            or coalesce({{ one }}.request_model_key in ({{ other }}.request_model_key, {{ other }}.response_model_key), false)
            or coalesce({{ one }}.response_model_key in ({{ other }}.request_model_key, {{ other }}.response_model_key), false)
        )
    )
{%- endmacro %}
