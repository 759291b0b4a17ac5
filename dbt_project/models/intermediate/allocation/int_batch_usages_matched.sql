{#
    Grain: one row per call_id, token_class and usage_date of the usage in batch of which a part counts on a later day of the bill than the
    day it was traced on (int_batch_days_matched).

    Of a day, the calls that began first stay, and what follows moves on; a call may lie on both sides. Its parts add up to its
    usage and to its estimated cost exactly: each has what of the cost lies below its end, less what lies below its beginning.
#}
{{ config(materialized='incremental', pre_hook="{{ delete_rows(is_on_changed_day('call_date')) }}") }}
with

days_matched as (
    select * from {{ ref('int_batch_days_matched') }}
    where {{ is_on_changed_day('call_date') }}
),

calls as (
    select
        call_id,
        started_at
    from {{ ref('int_llm_calls_resolved') }}
    where processing = 'batch' and {{ is_on_changed_day() }}
),

usages as (
    select
        *,
        {{ batch_key() }} as batch_key
    from {{ ref('int_llm_call_usages_priced') }}
    where processing = 'batch' and {{ is_on_changed_day() }}
),

usages_summed_up as (
    select
        usages.*,
        {{ whole_number(
            'sum(usages.quantity) over (partition by usages.batch_key, usages.usage_date'
            ~ ' order by calls.started_at asc, usages.call_id asc rows between unbounded preceding and current row)'
        ) }} as end_quantity
    from usages
    inner join calls on usages.call_id = calls.call_id
),

usages_lined_up as (
    select
        *,
        end_quantity - quantity as first_quantity
    from usages_summed_up
),

parts as (
    select
        usages_lined_up.*,
        usages_lined_up.usage_date as call_date,
        -- From where to where of the usage itself.
        greatest(days_matched.first_quantity - usages_lined_up.first_quantity, 0) as part_begin,
        least(days_matched.end_quantity, usages_lined_up.end_quantity) - usages_lined_up.first_quantity as part_end,
        days_matched.usage_date as matched_date
    from usages_lined_up
    inner join days_matched
        on
            usages_lined_up.batch_key = days_matched.batch_key
            and usages_lined_up.usage_date = days_matched.call_date
            and usages_lined_up.first_quantity < days_matched.end_quantity
            and usages_lined_up.end_quantity > days_matched.first_quantity
),

parts_priced as (
    select
        *,
        {{ whole_quotient('estimated_pico_usd * part_end', 'quantity') }}
        - {{ whole_quotient('estimated_pico_usd * part_begin', 'quantity') }} as part_pico_usd
    from parts
),

usages_matched as (
    select
        call_id,
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        model_id,
        model_tier,
        token_class,
        region_scope,
        processing,
        price_catalog,
        price_catalog_version,
        has_feature,
        cast(sum(part_end - part_begin) as bigint) as quantity,
        {{ whole_number('sum(part_pico_usd)') }} as estimated_pico_usd,
        {{ pico_to_usd('sum(part_pico_usd)') }} as estimated_cost_usd,
        matched_date as usage_date,
        call_date
    from parts_priced
    group by
        call_id,
        feature_id,
        pipeline_id,
        billing_account_id,
        service_name,
        task_type,
        provider_name,
        model_id,
        model_tier,
        token_class,
        region_scope,
        processing,
        price_catalog,
        price_catalog_version,
        has_feature,
        matched_date,
        call_date
)

select * from usages_matched
