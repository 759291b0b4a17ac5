{#
    Grain: one row per usage_date and cost result; the API may give two results with the same keys.

    Costs are USD. Those in another currency are converted result by result, at the newest rate of `currency_rates` that holds on the day; a
    result without one is refused.
#}
with

currency_rates as (
    {{ dated_currency_rates() }}
),

cost_buckets as (
    select
        buckets.*,
        currency_rates.usd_per_unit
    from {{ source('openai', 'cost_buckets') }} as buckets
    left join currency_rates on {{ is_rate_of('buckets.currency_code', 'buckets.usage_date') }}
),

costs_typed as (
    select
        cast(project_id as string) as project_id,
        cast(api_key_id as string) as api_key_id,
        cast(line_item as string) as line_item,
        lower(cast(line_item as string)) as line_item_lower,
        cast(quantity_unit as string) as quantity_unit,
        cast(currency_code as string) as currency_code,
        cast(said_amount as string) as said_amount,
        cast(object_key as string) as object_key,
        cast(quantity as decimal(38, 12)) as quantity,
        cast(amount as decimal(38, 12)) as billed_cost,
        {{ billed_in_usd(
            'amount',
            'currency_code',
            says="'The bill of OpenAI has a cost of ', usage_date",
            about="'project ', coalesce(project_id, 'not said'), ', ', coalesce(line_item, 'no line item')"
        ) }} as billed_cost_usd,
        cast(usd_per_unit as decimal(18, 12)) as usd_per_unit,
        cast(usage_date as date) as usage_date,
        cast(landing_date as date) as landing_date
    from cost_buckets
),

line_items_read as (
    select
        *,
        {{ openai_line_model('line_item_lower') }} as model_name,
        {{ openai_line_processing('line_item_lower') }} as said_processing,
        {{ openai_line_piece('line_item_lower') }} as piece,
        case quantity_unit when 'tokens' then 1 when '1000_tokens' then 1000 end as tokens_per_unit
    from costs_typed
),

token_classes_told as (
    select
        *,
        case
            when piece = 'cached input' then 'cache_read_input'
            when piece = 'input' then 'uncached_input'
            when piece = 'output' then 'output'
            when line_item is null or tokens_per_unit is not null then 'unknown'
            else 'not_tokens'
        end as token_class,
        case
            when said_processing is null then 'on_demand'
            when said_processing in ('batch', 'flex', 'priority') then said_processing
            else 'unknown'
        end as processing
    from line_items_read
),

costs_categorised as (
    select
        *,
        case when token_class = 'not_tokens' then 'other' else 'usage' end as charge_category
    from token_classes_told
)

select * from costs_categorised
