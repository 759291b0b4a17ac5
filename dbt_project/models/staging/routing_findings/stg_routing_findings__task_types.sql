{# Grain: one row per feature_id, pipeline_id, operation_name and found_date. #}
with

task_types as (
    select * from {{ source('routing_findings', 'task_types') }}
),

task_types_typed as (
    select
        cast(feature_id as string) as feature_id,
        cast(pipeline_id as string) as pipeline_id,
        cast(operation_name as string) as operation_name,
        cast(task_type as string) as task_type,
        cast(status as string) as status,
        cast(confidence as string) as confidence,
        cast(how as string) as how,
        cast(call_count as bigint) as call_count,
        cast(sample_count as bigint) as sample_count,
        cast(agreeing_count as bigint) as agreeing_count,
        cast(found_date as date) as found_date
    from task_types
)

select * from task_types_typed
