{#-
    What a recursive CTE by that name holds: each group of `edges` (from_group_id, to_group_id, both ways) as group_id, with itself
    and every group that edges lead to, on any way, as reached_group_id.
-#}
{% macro groups_reached(name, edges) -%}
    {{ adapter.dispatch('groups_reached', 'ai_finops')(name, edges) }}
{%- endmacro %}

{% macro default__groups_reached(name, edges) -%}
    select
        from_group_id as group_id,
        from_group_id as reached_group_id
    from {{ edges }}
    union
    select
        {{ name }}.group_id,
        {{ edges }}.to_group_id as reached_group_id
    from {{ name }}
    inner join {{ edges }} on {{ name }}.reached_group_id = {{ edges }}.from_group_id
{%- endmacro %}

{#- Spark recurs by `union all` alone, so each way knows where it has been, and a group may be reached on several. -#}
{% macro spark__groups_reached(name, edges) -%}
    select distinct
        from_group_id as group_id,
        from_group_id as reached_group_id,
        array(from_group_id) as way
    from {{ edges }}
    union all
    select
        {{ name }}.group_id,
        {{ edges }}.to_group_id as reached_group_id,
        array_append({{ name }}.way, {{ edges }}.to_group_id) as way
    from {{ name }}
    inner join {{ edges }} on {{ name }}.reached_group_id = {{ edges }}.from_group_id
    where not array_contains({{ name }}.way, {{ edges }}.to_group_id)
{%- endmacro %}
