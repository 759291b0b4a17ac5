{#- The measures of fct_daily_allocated_costs, summed: what every level of cost says. -#}
{% macro summed_costs() -%}
    case
        when bool_or(cost_status = 'estimated') then 'estimated'
        when bool_and(cost_status = 'final') then 'final'
        else 'billed'
    end as cost_status,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(unknown_cost_call_count) as bigint) as unknown_cost_call_count,
    cast(sum(unknown_cost_tokens) as bigint) as unknown_cost_tokens,
    cast(sum(estimated_cost_usd) as decimal(18, 6)) as estimated_cost_usd,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd
{%- endmacro %}

{#- USD, decimal(18, 6), divided by a count and rounded half away from zero; NULL where the count is 0. -#}
{% macro usd_per(cost_usd, count) -%}
    cast({{ pico_to_usd(divide_rounded(to_pico_usd(cost_usd), 'nullif(' ~ count ~ ', 0)')) }} as decimal(18, 6))
{%- endmacro %}
