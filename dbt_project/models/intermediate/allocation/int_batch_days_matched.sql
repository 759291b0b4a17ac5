{#
    Grain: one row per batch_key, call_date and first_quantity: a piece of what was traced in batch on a day, and the day of the bill
    that it counts on (usage_date). Only of days with a piece that counts on a later one.

    A batch is traced on the day it was begun and billed when it is done. What a day has beyond what is billed for it counts on
    the first of the days after it (as many as var batch_days says) with room: one billed for more than was traced on it or came to it from
    before, or one that the account's bill has not reached, where it waits. What finds no room stays. Nearer days go first,
    so what was traced on a day itself comes before what others bring. Quantities are what the bill counts, tokens or search
    units; where it does not count all that it charges for, there is room for all.
#}
{{ config(materialized='table') }}
{%- set batch_days = batch_days() %}
with

traced as (
    select
        {{ batch_key() }} as batch_key,
        max(provider_name) as provider_name,
        max(billing_account_id) as billing_account_id,
        {{ whole_number('sum(quantity)') }} as traced_quantity,
        usage_date
    from {{ ref('int_llm_call_usages_priced') }}
    where processing = 'batch' and {{ is_near_changed_day() }}
    group by batch_key, usage_date
),

billed as (
    select
        {{ batch_key() }} as batch_key,
        {{ whole_number('greatest(sum(coalesce(billed_tokens, billed_search_unit_count, 0)), 0)') }} as billed_quantity,
        bool_or(has_uncounted_cost) as is_uncounted,
        usage_date as billed_date
    from {{ ref('int_billing_cells_summed') }}
    where processing = 'batch' and charge_category = 'usage'
    group by batch_key, usage_date
),

bills as (
    select
        provider_name,
        billing_account_id,
        max(usage_date) as last_date
    from {{ ref('int_account_days_billed') }}
    group by provider_name, billing_account_id
),

days_reached as (
    {% for distance in range(batch_days + 1) %}
    select
        *,
        {{ distance }} as distance,
        cast(usage_date + interval {{ distance }} day as date) as billed_date
    from traced
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

rooms as (
    select
        days_reached.*,
        coalesce(billed.billed_quantity, 0) as room_quantity,
        bills.last_date is null
        or days_reached.billed_date > bills.last_date
        or coalesce(billed.is_uncounted, false) as has_room_for_all
    from days_reached
    left join billed
        on days_reached.batch_key = billed.batch_key and days_reached.billed_date = billed.billed_date
    left join bills
        on
            days_reached.provider_name = bills.provider_name
            and days_reached.billing_account_id = bills.billing_account_id
    where days_reached.billed_date < cast('{{ var("as_of_date") }}' as date)
),

placed_at_0 as (
    select
        batch_key,
        distance,
        case when has_room_for_all then traced_quantity else least(traced_quantity, room_quantity) end as quantity,
        usage_date,
        billed_date
    from rooms
    where distance = 0
),

{% for distance in range(1, batch_days + 1) %}
{%- set before = 'placed_at_' ~ (distance - 1) %}
placed_of_day_before_{{ distance }} as (
    select
        batch_key,
        sum(quantity) as quantity,
        usage_date
    from {{ before }}
    group by batch_key, usage_date
),

placed_on_day_before_{{ distance }} as (
    select
        batch_key,
        sum(quantity) as quantity,
        billed_date
    from {{ before }}
    group by batch_key, billed_date
),

placed_at_{{ distance }} as (
    select * from {{ before }}
    union all
    select
        rooms.batch_key,
        rooms.distance,
        least(
            rooms.traced_quantity - placed_of_day.quantity,
            case
                when rooms.has_room_for_all then rooms.traced_quantity
                else greatest(rooms.room_quantity - coalesce(placed_on_day.quantity, 0), 0)
            end
        ) as quantity,
        rooms.usage_date,
        rooms.billed_date
    from rooms
    inner join placed_of_day_before_{{ distance }} as placed_of_day
        on rooms.batch_key = placed_of_day.batch_key and rooms.usage_date = placed_of_day.usage_date
    left join placed_on_day_before_{{ distance }} as placed_on_day
        on rooms.batch_key = placed_on_day.batch_key and rooms.billed_date = placed_on_day.billed_date
    where rooms.distance = {{ distance }}
),

{% endfor %}
placed as (
    select * from placed_at_{{ batch_days }}
    where quantity > 0
),

placed_of_days as (
    select
        batch_key,
        sum(quantity) as quantity,
        usage_date
    from placed
    group by batch_key, usage_date
    having max(distance) > 0
),

left_over as (
    select
        traced.batch_key,
        {{ batch_days + 1 }} as distance,
        traced.traced_quantity - placed_of_days.quantity as quantity,
        traced.usage_date,
        traced.usage_date as billed_date
    from traced
    inner join placed_of_days
        on traced.batch_key = placed_of_days.batch_key and traced.usage_date = placed_of_days.usage_date
    where traced.traced_quantity > placed_of_days.quantity
),

pieces as (
    select placed.*
    from placed
    inner join placed_of_days
        on placed.batch_key = placed_of_days.batch_key and placed.usage_date = placed_of_days.usage_date
    union all
    select * from left_over
),

pieces_summed_up as (
    select
        *,
        sum(quantity) over (partition by batch_key, usage_date order by distance asc) as end_quantity
    from pieces
),

days_matched as (
    select
        batch_key,
        {{ whole_number('end_quantity - quantity') }} as first_quantity,
        {{ whole_number('end_quantity') }} as end_quantity,
        usage_date as call_date,
        billed_date as usage_date
    from pieces_summed_up
)

select * from days_matched
