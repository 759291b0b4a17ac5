{#
    Grain: one row per provider_name, billing_account_id, corrected_month, corrected_charge_category, model_id and
    unattributed_reason: what the newest reading of the lake has of a closed period beyond what stands in the books of it.

    In the books of a month stand its rows as they were when it closed, and the corrections of it in months that closed later. The rest
    belongs to the open month (int_open_months_chosen). A period that closes with this build stands as it is read now.
#}
with

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
    where is_frozen
),

newest_costs as (
    select * from {{ ref('int_daily_costs_allocated') }}
),

closed_costs as (
    select * from {{ ref('stg_closed_periods__daily_costs') }}
),

open_months as (
    select * from {{ ref('int_open_months_chosen') }}
),

newest_of_periods as (
    select
        newest_costs.billing_account_id,
        newest_costs.provider_name,
        newest_costs.charge_category as corrected_charge_category,
        newest_costs.model_id,
        newest_costs.request_count,
        newest_costs.input_tokens,
        newest_costs.output_tokens,
        coalesce(newest_costs.estimated_cost_usd, 0) as estimated_cost_usd,
        coalesce(newest_costs.allocated_cost_usd, 0) as allocated_cost_usd,
        periods.usage_month as corrected_month
    from newest_costs
    inner join periods
        on
            newest_costs.provider_name = periods.provider_name
            and newest_costs.billing_account_id = periods.billing_account_id
            and newest_costs.usage_date >= periods.usage_month
            and newest_costs.usage_date < periods.end_date
),

standing_turned as (
    select
        billing_account_id,
        provider_name,
        coalesce(corrected_charge_category, charge_category) as corrected_charge_category,
        model_id,
        -request_count as request_count,
        -input_tokens as input_tokens,
        -output_tokens as output_tokens,
        -coalesce(estimated_cost_usd, 0) as estimated_cost_usd,
        -coalesce(allocated_cost_usd, 0) as allocated_cost_usd,
        coalesce(corrected_month, cast(date_trunc('month', usage_date) as date)) as corrected_month
    from closed_costs
),

newest_beside_standing as (
    select * from newest_of_periods
    union all
    select * from standing_turned
),

differences as (
    select
        billing_account_id,
        provider_name,
        corrected_charge_category,
        model_id,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(estimated_cost_usd) as decimal(18, 6)) as estimated_cost_usd,
        cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
        corrected_month
    from newest_beside_standing
    group by provider_name, billing_account_id, corrected_month, corrected_charge_category, model_id
),

corrections as (
    select
        billing_account_id,
        provider_name,
        corrected_charge_category,
        model_id,
        'bill_restated' as unattributed_reason,
        cast(0 as bigint) as request_count,
        cast(0 as bigint) as input_tokens,
        cast(0 as bigint) as output_tokens,
        cast(null as decimal(18, 6)) as estimated_cost_usd,
        allocated_cost_usd,
        corrected_month
    from differences
    where allocated_cost_usd != 0
    union all
    select
        billing_account_id,
        provider_name,
        corrected_charge_category,
        model_id,
        'late_after_close' as unattributed_reason,
        request_count,
        input_tokens,
        output_tokens,
        estimated_cost_usd,
        cast(0 as decimal(18, 6)) as allocated_cost_usd,
        corrected_month
    from differences
    where request_count != 0 or input_tokens != 0 or output_tokens != 0 or estimated_cost_usd != 0
),

costs_corrected as (
    select
        corrections.*,
        open_months.open_month
    from corrections
    inner join open_months
        on
            corrections.provider_name = open_months.provider_name
            and corrections.billing_account_id = open_months.billing_account_id
)

select * from costs_corrected
