{#- What spans of one call have in common in their names of its model: without path, geography, vendor, version and date. -#}
{% macro model_key(model) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace(
                regexp_replace(lower({{ model }}), '^.*/', ''),
                '^((us|us-gov|eu|apac|au|jp|ca|sa|global)[.])?((ai21|amazon|anthropic|cohere|deepseek|google|meta|mistral|openai|qwen|writer)[.])?',
                ''
            ),
            '(-v[0-9]+)?(:[0-9]+)?$',
            ''
        ),
        '([-@]20[0-9][0-9]-?[0-9][0-9]-?[0-9][0-9]|-latest)$',
        ''
    )
{%- endmacro %}
