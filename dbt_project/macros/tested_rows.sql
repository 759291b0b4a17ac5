{#-
    What dbt's generic tests look at: the whole relation, or what its `where` says. Of tables that grow with the calls, a build that
    began as a copy of another looks at the rows that it made: those beside them were tested when they were made, by
    the same code, and were not touched since. That none is missing or left over is tested over all days, by the assert_* tests.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set by_trace = [
        'int_spans_deduplicated', 'int_llm_call_candidates_settled', 'int_llm_calls_deduplicated',
        'int_landed_spans_settled', 'int_span_documents_unnested', 'int_citing_spans_found',
    ] -%}
    {%- set by_day = [
        'int_llm_calls_resolved', 'int_llm_call_usages_priced', 'int_llm_call_costs_allocated', 'fct_llm_calls',
        'int_daily_call_groups_summed',
        'int_excess_outputs_priced',
    ] -%}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute and var('built_on_as_of_date', '') != '' and relation.identifier in by_trace + by_day -%}
        {%- set query = 'select distinct usage_date from intermediate.int_traces_changed'
            if relation.identifier in by_trace
            else 'select usage_date from intermediate.int_days_compared where is_changed' -%}
        {%- do conditions.append('usage_date in (' ~ dates_listed(query) ~ ')') -%}
    {%- endif -%}
    {%- if conditions -%}
        {%- do return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') as dbt_subquery') -%}
    {%- else -%}
        {%- do return(relation) -%}
    {%- endif -%}
{%- endmacro %}
