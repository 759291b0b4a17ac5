{#
    Grain: one row per usage_month, provider_name, billing_account_id, feature_id and charge_category of a closed period that the
    newest reading of the lake puts otherwise than it was when it closed: the version beside the closed one, and the difference.

    The closed table does not move. What the bill says otherwise is a correction in the open month; what moved between features is here alone.
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
    select
        *,
        cast(date_trunc('month', usage_date) as date) as usage_month
    from {{ ref('stg_closed_periods__daily_costs') }}
    where corrected_month is null
),

closed_summed as (
    select
        feature_id,
        billing_account_id,
        provider_name,
        charge_category,
        sum(request_count) as request_count,
        sum(input_tokens + output_tokens) as tokens,
        sum(estimated_cost_usd) as estimated_cost_usd,
        sum(allocated_cost_usd) as allocated_cost_usd,
        usage_month
    from closed_costs
    group by usage_month, provider_name, billing_account_id, feature_id, charge_category
),

newest_summed as (
    select
        newest_costs.feature_id,
        newest_costs.billing_account_id,
        newest_costs.provider_name,
        newest_costs.charge_category,
        sum(newest_costs.request_count) as request_count,
        sum(newest_costs.input_tokens + newest_costs.output_tokens) as tokens,
        sum(newest_costs.estimated_cost_usd) as estimated_cost_usd,
        sum(newest_costs.allocated_cost_usd) as allocated_cost_usd,
        periods.usage_month
    from newest_costs
    inner join periods
        on
            newest_costs.provider_name = periods.provider_name
            and newest_costs.billing_account_id = periods.billing_account_id
            and newest_costs.usage_date >= periods.usage_month
            and newest_costs.usage_date < periods.end_date
    group by
        periods.usage_month,
        newest_costs.provider_name,
        newest_costs.billing_account_id,
        newest_costs.feature_id,
        newest_costs.charge_category
),

compared as (
    select
        coalesce(closed_summed.feature_id, newest_summed.feature_id) as feature_id,
        coalesce(closed_summed.billing_account_id, newest_summed.billing_account_id) as billing_account_id,
        coalesce(closed_summed.provider_name, newest_summed.provider_name) as provider_name,
        coalesce(closed_summed.charge_category, newest_summed.charge_category) as charge_category,
        cast(coalesce(closed_summed.request_count, 0) as bigint) as closed_request_count,
        cast(coalesce(newest_summed.request_count, 0) as bigint) as restated_request_count,
        cast(coalesce(closed_summed.tokens, 0) as bigint) as closed_tokens,
        cast(coalesce(newest_summed.tokens, 0) as bigint) as restated_tokens,
        cast(coalesce(closed_summed.estimated_cost_usd, 0) as decimal(18, 6)) as closed_estimated_cost_usd,
        cast(coalesce(newest_summed.estimated_cost_usd, 0) as decimal(18, 6)) as restated_estimated_cost_usd,
        cast(coalesce(closed_summed.allocated_cost_usd, 0) as decimal(18, 6)) as closed_allocated_cost_usd,
        cast(coalesce(newest_summed.allocated_cost_usd, 0) as decimal(18, 6)) as restated_allocated_cost_usd,
        coalesce(closed_summed.usage_month, newest_summed.usage_month) as usage_month
    from closed_summed
    full join newest_summed
        on
            closed_summed.usage_month = newest_summed.usage_month
            and closed_summed.provider_name = newest_summed.provider_name
            and closed_summed.billing_account_id = newest_summed.billing_account_id
            and closed_summed.feature_id = newest_summed.feature_id
            and closed_summed.charge_category = newest_summed.charge_category
),

restatements as (
    select
        compared.feature_id,
        compared.billing_account_id,
        compared.provider_name,
        compared.charge_category,
        periods.version as closed_version,
        compared.closed_request_count,
        compared.restated_request_count,
        compared.closed_tokens,
        compared.restated_tokens,
        compared.closed_estimated_cost_usd,
        compared.restated_estimated_cost_usd,
        compared.closed_allocated_cost_usd,
        compared.restated_allocated_cost_usd,
        cast(
            compared.restated_allocated_cost_usd - compared.closed_allocated_cost_usd as decimal(18, 6)
        ) as allocated_cost_difference_usd,
        compared.usage_month
    from compared
    inner join periods
        on
            compared.usage_month = periods.usage_month
            and compared.provider_name = periods.provider_name
            and compared.billing_account_id = periods.billing_account_id
    where
        compared.closed_request_count != compared.restated_request_count
        or compared.closed_tokens != compared.restated_tokens
        or compared.closed_estimated_cost_usd != compared.restated_estimated_cost_usd
        or compared.closed_allocated_cost_usd != compared.restated_allocated_cost_usd
)

select * from restatements
