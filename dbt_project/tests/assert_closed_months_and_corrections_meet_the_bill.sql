{#
    Every closed month: what stands in it and the corrections of it, wherever they are, are what its bill says now, exactly; in the
    reconciliation with what rounding took away, and in the costs with every call. No row of a closed month is from another reading.
#}
with

periods as (
    select * from {{ ref('stg_closed_periods__periods') }}
),

newest as (
    select
        periods.provider_name,
        periods.billing_account_id,
        periods.usage_month,
        sum(coalesce(newest_costs.allocated_cost_usd, 0)) as cost_usd,
        sum(newest_costs.request_count) as request_count
    from periods
    inner join {{ ref('int_daily_costs_allocated') }} as newest_costs
        on
            periods.provider_name = newest_costs.provider_name
            and periods.billing_account_id = newest_costs.billing_account_id
            and periods.usage_month <= newest_costs.usage_date
            and periods.end_date > newest_costs.usage_date
    group by periods.provider_name, periods.billing_account_id, periods.usage_month
),

billed as (
    select
        periods.provider_name,
        periods.billing_account_id,
        periods.usage_month,
        sum(bill_lines.billed_cost_usd) as exact_cost_usd
    from periods
    inner join {{ ref('int_billing_lines_classified') }} as bill_lines
        on
            periods.provider_name = bill_lines.provider_name
            and periods.billing_account_id = bill_lines.billing_account_id
            and left(cast(periods.usage_month as string), 7) = bill_lines.billing_period
    group by periods.provider_name, periods.billing_account_id, periods.usage_month
),

costs as (
    select
        provider_name,
        billing_account_id,
        coalesce(corrected_month, cast(date_trunc('month', usage_date) as date)) as usage_month,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from {{ ref('fct_daily_allocated_costs') }}
    group by
        provider_name, billing_account_id, coalesce(corrected_month, cast(date_trunc('month', usage_date) as date))
),

cells as (
    select
        provider_name,
        billing_account_id,
        coalesce(corrected_month, cast(date_trunc('month', usage_date) as date)) as usage_month,
        sum(billed_cost_usd + rounding_cost_usd) as exact_cost_usd
    from {{ ref('fct_daily_reconciliations') }}
    group by
        provider_name, billing_account_id, coalesce(corrected_month, cast(date_trunc('month', usage_date) as date))
),

compared as (
    select
        periods.provider_name,
        periods.billing_account_id,
        periods.usage_month,
        coalesce(newest.cost_usd, 0) as newest_cost_usd,
        coalesce(costs.cost_usd, 0) as standing_cost_usd,
        coalesce(billed.exact_cost_usd, 0) as exact_billed_cost_usd,
        coalesce(cells.exact_cost_usd, 0) as exact_standing_cost_usd,
        coalesce(newest.request_count, 0) as newest_request_count,
        coalesce(costs.request_count, 0) as standing_request_count
    from periods
    left join newest
        on
            periods.provider_name = newest.provider_name
            and periods.billing_account_id = newest.billing_account_id
            and periods.usage_month = newest.usage_month
    left join billed
        on
            periods.provider_name = billed.provider_name
            and periods.billing_account_id = billed.billing_account_id
            and periods.usage_month = billed.usage_month
    left join costs
        on
            periods.provider_name = costs.provider_name
            and periods.billing_account_id = costs.billing_account_id
            and periods.usage_month = costs.usage_month
    left join cells
        on
            periods.provider_name = cells.provider_name
            and periods.billing_account_id = cells.billing_account_id
            and periods.usage_month = cells.usage_month
)

select * from compared
where
    newest_cost_usd != standing_cost_usd
    or exact_billed_cost_usd != exact_standing_cost_usd
    or newest_request_count != standing_request_count
