{#- Whether a cost is known, and with it the cost of all but a few of its calls and tokens; the other columns have these names,
    and the bound is that of seed reporting_bounds. `ai_finops.analyse.known_costs` is the same rule. -#}
{% macro is_cost_known(cost_usd) -%}
    coalesce(
        {{ cost_usd }} is not null
        and unknown_cost_call_count <= largest_unknown_cost_ratio * request_count
        and unknown_cost_tokens <= largest_unknown_cost_ratio * (input_tokens + output_tokens),
        false
    )
{%- endmacro %}
