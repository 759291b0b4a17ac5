{#
    Grain: one row per feature_id, pipeline_id and operation_name whose untagged calls are taken for one task type: the latest finding,
    where enough of its sample agreed. One that no longer does takes an earlier one away.
#}
with

task_types as (
    select * from {{ ref('stg_routing_findings__task_types') }}
    where found_date <= cast('{{ var("as_of_date") }}' as date)
),

findings_ranked as (
    select
        *,
        row_number() over (
            partition by feature_id, pipeline_id, operation_name
            order by found_date desc
        ) as finding_rank
    from task_types
),

task_types_found as (
    select
        feature_id,
        pipeline_id,
        operation_name,
        task_type,
        confidence,
        how,
        found_date
    from findings_ranked
    where finding_rank = 1 and status = 'applied'
)

select * from task_types_found
