{# Grain: one row per run_date and station_name: the landing of each source, and each station of the build that held
   the day as its last. #}
with

outcomes as (
    select
        source,
        status,
        error,
        loaded_count,
        read_bytes,
        api_call_count,
        landing_seconds,
        landing_date,
        extracted_at
    from {{ ref('stg_lake__extract_outcomes') }}
),

api_calls_priced as (
    select * from {{ ref('int_api_calls_priced') }}
),

station_runs as (
    select * from {{ ref('stg_lake__station_runs') }}
),

api_calls_summed_to_landings as (
    select
        source,
        sum(
            case when service_name = 's3' and operation_name like 'List%' then call_count else 0 end
        ) as s3_list_request_count,
        sum(
            case when service_name = 's3' and operation_name not like 'List%' then call_count else 0 end
        ) as s3_get_request_count,
        sum(case when service_name = 'cloudwatch' then item_count else 0 end) as cloudwatch_metric_count,
        sum(case when service_name = 'ce' then call_count else 0 end) as cost_explorer_request_count,
        sum(call_count) as told_call_count,
        sum(case when api_cost_usd is null then call_count else 0 end) as unpriced_call_count,
        sum(api_cost_usd) as api_cost_usd,
        landing_date
    from api_calls_priced
    group by source, landing_date
),

landings_costed as (
    select
        outcomes.*,
        calls.s3_list_request_count,
        calls.s3_get_request_count,
        calls.cloudwatch_metric_count,
        calls.cost_explorer_request_count,
        calls.unpriced_call_count,
        calls.api_cost_usd,
        {# A landing that made no call has nothing to tell; one that broke off made some that nobody counted. #}
        case
            when calls.source is null and (outcomes.api_call_count > 0 or outcomes.error is not null)
                then 'calls_not_told'
            when calls.unpriced_call_count > 0 then 'no_price'
        end as api_cost_reason
    from outcomes
    left join api_calls_summed_to_landings as calls
        on outcomes.source = calls.source and outcomes.landing_date = calls.landing_date
),

stations_unioned as (
    select
        'land_' || source as station_name,
        status,
        api_cost_reason,
        loaded_count as row_count,
        read_bytes,
        api_call_count,
        case
            when api_cost_reason = 'calls_not_told' then null else coalesce(s3_list_request_count, 0)
        end as s3_list_request_count,
        case
            when api_cost_reason = 'calls_not_told' then null else coalesce(s3_get_request_count, 0)
        end as s3_get_request_count,
        case
            when api_cost_reason = 'calls_not_told' then null else coalesce(cloudwatch_metric_count, 0)
        end as cloudwatch_metric_count,
        case
            when api_cost_reason = 'calls_not_told' then null else coalesce(cost_explorer_request_count, 0)
        end as cost_explorer_request_count,
        case
            when api_cost_reason = 'calls_not_told' then api_call_count else coalesce(unpriced_call_count, 0)
        end as unpriced_call_count,
        case when api_cost_reason is null then coalesce(api_cost_usd, 0) end as api_cost_usd,
        landing_seconds as run_seconds,
        landing_date as run_date,
        extracted_at as ended_at
    from landings_costed
    union all
    select
        station_name,
        'built' as status,
        'not_counted' as api_cost_reason,
        row_count,
        null as read_bytes,
        null as api_call_count,
        null as s3_list_request_count,
        null as s3_get_request_count,
        null as cloudwatch_metric_count,
        null as cost_explorer_request_count,
        null as unpriced_call_count,
        null as api_cost_usd,
        run_seconds,
        run_date,
        ended_at
    from station_runs
),

run_summaries as (
    select
        station_name,
        status,
        api_cost_reason,
        row_count,
        read_bytes,
        api_call_count,
        cast(s3_list_request_count as bigint) as s3_list_request_count,
        cast(s3_get_request_count as bigint) as s3_get_request_count,
        cast(cloudwatch_metric_count as bigint) as cloudwatch_metric_count,
        cast(cost_explorer_request_count as bigint) as cost_explorer_request_count,
        cast(unpriced_call_count as bigint) as unpriced_call_count,
        cast(api_cost_usd as decimal(38, 12)) as api_cost_usd,
        run_seconds,
        run_date,
        ended_at
    from stations_unioned
)

select * from run_summaries
