{#- Parts of an OpenAI cost line item in lower case: `priority | gpt-5.6-sol, output, long context`, `gpt-image-2 text, cached input`,
    `web search tool calls`. The spellings are those that organisations have seen; OpenAI documents none. -#}

{#- What the line item says of how calls were processed, before the bar; NULL without one. -#}
{% macro openai_line_processing(line_item) -%}
    nullif(regexp_extract({{ line_item }}, '^([a-z0-9_ -]+?) *[|]', 1), '')
{%- endmacro %}

{#- The model before the first comma, without a modality; NULL where the line item has no comma. -#}
{% macro openai_line_model(line_item) -%}
    nullif(
        regexp_extract({{ line_item }}, '^(?:[a-z0-9_ -]+?[|])? *([^,|]+?)(?: (?:text|audio|image))?,', 1), ''
    )
{%- endmacro %}

{#- What comes right after the model: `cached input`. NULL where the line item has no comma. -#}
{% macro openai_line_piece(line_item) -%}
    nullif(regexp_extract({{ line_item }}, '^[^,]+, *([^,]+)', 1), '')
{%- endmacro %}
