{#
    Grain: one row per usage_month, provider_name, billing_account_id, service_name and model_id: where the next decorator pays.

    Billed usage only. A service is known where calls were traced; what nobody traced stands under service `unknown`, so that
    the rows add up to the billed usage. Ranked in a month by the dollars that no trace gives a feature.
#}
with

billed_costs as (
    select
        *,
        case
            when attribution = 'traced' then 'traced'
            when unattributed_reason in ('no_feature', 'reserved_feature') then 'traced_without_feature'
            when attribution in ('tag', 'principal') then 'untraced_owned'
            else 'untraced'
        end as coverage,
        cast(date_trunc('month', usage_date) as date) as usage_month
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage' and cost_status != 'estimated'
),

costs_summed as (
    select
        provider_name,
        billing_account_id,
        service_name,
        model_id,
        cast(sum(request_count) as bigint) as request_count,
        cast(sum(allocated_cost_usd) as decimal(18, 6)) as billed_cost_usd,
        {% for coverage in ['traced', 'traced_without_feature', 'untraced_owned', 'untraced'] %}
        cast(
            coalesce(sum(allocated_cost_usd) filter (where coverage = '{{ coverage }}'), 0) as decimal(18, 6)
        ) as {{ coverage }}_cost_usd,
        {% endfor %}
        usage_month
    from billed_costs
    group by provider_name, billing_account_id, service_name, model_id, usage_month
),

costs_beside_model as (
    select
        *,
        billed_cost_usd - traced_cost_usd as missing_trace_cost_usd,
        sum(traced_cost_usd) over model_month as model_traced_cost_usd,
        sum(billed_cost_usd) over model_month as model_billed_cost_usd
    from costs_summed
    window model_month as (partition by provider_name, billing_account_id, model_id, usage_month)
),

instrumentation_coverage as (
    select
        provider_name,
        billing_account_id,
        service_name,
        model_id,
        request_count,
        billed_cost_usd,
        traced_cost_usd,
        traced_without_feature_cost_usd,
        untraced_owned_cost_usd,
        untraced_cost_usd,
        cast(missing_trace_cost_usd as decimal(18, 6)) as missing_trace_cost_usd,
        {{ ratio('traced_cost_usd', 'billed_cost_usd') }} as traced_ratio,
        {{ ratio('model_traced_cost_usd', 'model_billed_cost_usd') }} as model_traced_ratio,
        cast(
            row_number() over (
                partition by usage_month
                order by
                    missing_trace_cost_usd desc,
                    provider_name asc,
                    billing_account_id asc,
                    service_name asc,
                    model_id asc
            ) as bigint
        ) as missing_trace_rank,
        usage_month
    from costs_beside_model
)

select * from instrumentation_coverage
