{#
    Grain: one row per call_id, token_class that the call used (quantity above 0) and usage_date that it counts on.

    What a caller pays of a cell, divided between its calls by the weight that the cell was divided by. In whole pico-dollars
    by integer division; what is left over, less than one for each call, goes to the call of the largest weight, ties by
    call_id. So the calls of a caller add up to what it pays, exactly. While a day has no bill the estimate stands in.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('call_date')) }}") }}
{%- set weight -%}
    case
            when callers_paying.is_weighed_by_cost then usages.estimated_pico_usd
            else {{ whole_number('usages.quantity') }}
        end
{%- endset %}
with

usages as (
    select * from {{ ref('int_llm_call_usages_dated') }}
    -- Calls of changed days, and in batch all that pay for a cell together with these.
    where {{ is_on_changed_day() }} or (processing = 'batch' and {{ is_near_changed_day() }})
),

callers as (
    select * from {{ ref('int_callers_summed') }}
    where {{ is_near_changed_day() }}
),

cells_allocated as (
    select * from {{ ref('int_billing_cells_allocated') }}
    -- A caller's own row: what was traced without a feature is unattributed, and no other row has that reason.
    where (attribution = 'traced' or unattributed_reason = 'no_feature') and {{ is_near_changed_day() }}
),

callers_paying as (
    select
        callers.*,
        -- Calls are many and what names their caller is long: they are grouped by a number.
        row_number() over (order by callers.cell_id asc, callers.feature_id asc) as caller_number,
        case
            when cells_allocated.cost_status = 'billed' then {{ to_pico_usd('cells_allocated.allocated_cost_usd') }}
        end as share_pico_usd,
        case
            when callers.is_weighed_by_cost then {{ to_pico_usd('callers.estimated_cost_usd') }}
            else {{ whole_number('callers.quantity') }}
        end as total_weight
    from callers
    inner join cells_allocated
        on
            callers.cell_id = cells_allocated.cell_id
            and callers.feature_id = cells_allocated.feature_id
            and callers.pipeline_id = cells_allocated.pipeline_id
            and callers.service_name = cells_allocated.service_name
            and callers.task_type = cells_allocated.task_type
            and callers.model_tier = cells_allocated.model_tier
),

usages_divided as (
    select
        usages.call_id,
        usages.token_class,
        usages.price_catalog,
        usages.price_catalog_version,
        usages.estimated_cost_usd,
        callers_paying.caller_number,
        callers_paying.share_pico_usd,
        {{ weight }} as weight,
        -- Nothing has a weight only where the caller pays nothing.
        coalesce(
            {{ whole_quotient(
                'abs(callers_paying.share_pico_usd) * ' ~ weight,
                'nullif(callers_paying.total_weight, 0)'
            ) }},
            0
        ) as whole_pico_usd,
        usages.usage_date,
        usages.call_date
    from usages
    inner join callers_paying
        on
            -- A cell by its columns: to put a key together for each call would take longer than all of this.
            usages.usage_date = callers_paying.usage_date
            and usages.provider_name = callers_paying.provider_name
            and usages.billing_account_id = callers_paying.billing_account_id
            and usages.model_id = callers_paying.model_id
            and usages.token_class = callers_paying.token_class
            and usages.region_scope = callers_paying.region_scope
            and usages.processing = callers_paying.processing
            and usages.feature_id = callers_paying.feature_id
            and usages.pipeline_id = callers_paying.pipeline_id
            and usages.service_name = callers_paying.service_name
            and usages.task_type = callers_paying.task_type
            and usages.model_tier = callers_paying.model_tier
),

left_over_of_callers as (
    select
        caller_number,
        max(abs(share_pico_usd)) - sum(whole_pico_usd) as left_over_pico_usd,
        max(weight) as largest_weight
    from usages_divided
    group by caller_number
),

calls_taking_left_over as (
    select
        usages_divided.caller_number,
        min(usages_divided.call_id) as call_id,
        min(left_over_of_callers.left_over_pico_usd) as left_over_pico_usd
    from usages_divided
    inner join left_over_of_callers
        on
            usages_divided.caller_number = left_over_of_callers.caller_number
            and usages_divided.weight = left_over_of_callers.largest_weight
    where left_over_of_callers.left_over_pico_usd != 0
    group by usages_divided.caller_number
),

usages_with_left_over as (
    select
        usages_divided.*,
        coalesce(calls_taking_left_over.left_over_pico_usd, 0) as left_over_pico_usd
    from usages_divided
    left join calls_taking_left_over
        on
            usages_divided.caller_number = calls_taking_left_over.caller_number
            and usages_divided.call_id = calls_taking_left_over.call_id
),

call_costs_allocated as (
    select
        call_id,
        token_class,
        price_catalog,
        price_catalog_version,
        case when share_pico_usd is null then 'estimated' else 'billed' end as cost_status,
        estimated_cost_usd,
        case
            when share_pico_usd is null then estimated_cost_usd
            else {{ pico_to_usd(sign_of('share_pico_usd') ~ ' * (whole_pico_usd + left_over_pico_usd)') }}
        end as allocated_cost_usd,
        usage_date,
        call_date
    from usages_with_left_over
    where {{ is_on_changed_day('call_date') }}
)

select * from call_costs_allocated
