{#-
    Select of the prices that hold for each key (provider, model, token class, region scope, processing, day), a row per long-context
    threshold; scope_rank is 1 for those to take: the scope's own price before that of any.
-#}
{% macro prices_by_scope(keys, prices) -%}
select
    {{ keys }}.*,
    {{ prices }}.catalog,
    {{ prices }}.catalog_version,
    {{ prices }}.price_usd_per_unit,
    {{ prices }}.unit_quantity,
    {{ prices }}.threshold_tokens,
    dense_rank() over (
        partition by
            {{ keys }}.provider_name,
            {{ keys }}.model_id,
            {{ keys }}.token_class,
            {{ keys }}.region_scope,
            {{ keys }}.processing,
            {{ keys }}.usage_date
        order by {{ prices }}.region_scope = 'any' and {{ keys }}.region_scope != 'any'
    ) as scope_rank
from {{ keys }}
inner join {{ prices }}
    on
        {{ keys }}.provider_name = {{ prices }}.provider_name
        and {{ keys }}.model_id = {{ prices }}.model_id
        and {{ keys }}.token_class = {{ prices }}.token_class
        and {{ keys }}.processing = {{ prices }}.processing
        and {{ prices }}.region_scope in ({{ keys }}.region_scope, 'any')
        and {{ keys }}.usage_date >= {{ prices }}.valid_from
        and ({{ keys }}.usage_date < {{ prices }}.valid_to or {{ prices }}.valid_to is null)
{%- endmacro %}
