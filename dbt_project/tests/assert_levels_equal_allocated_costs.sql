{# Each level of cost adds up to the allocated costs it is a view of, day by day or month by month. #}
with

allocated_costs as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as usage_month
    from {{ ref('fct_daily_allocated_costs') }}
),

level_names as (
    select 'rpt_daily_service_costs' as level_name
    union all
    select 'rpt_daily_pipeline_costs' as level_name
),

expected as (
    select
        'rpt_daily_api_costs' as level_name,
        usage_date as period_start_date,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from allocated_costs
    group by usage_date
    union all
    select
        level_names.level_name,
        allocated_costs.usage_date as period_start_date,
        sum(allocated_costs.allocated_cost_usd) as cost_usd,
        sum(allocated_costs.request_count) as request_count
    from allocated_costs
    cross join level_names
    where allocated_costs.charge_category = 'usage'
    group by all
    union all
    select
        'rpt_feature_value' as level_name,
        usage_month as period_start_date,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from allocated_costs
    where charge_category = 'usage'
    group by usage_month
    union all
    select
        'fct_monthly_feature_costs' as level_name,
        usage_month as period_start_date,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from allocated_costs
    group by usage_month
    union all
    select
        'rpt_instrumentation_coverage' as level_name,
        usage_month as period_start_date,
        sum(allocated_cost_usd) as cost_usd,
        sum(request_count) as request_count
    from allocated_costs
    where charge_category = 'usage' and cost_status != 'estimated'
    group by usage_month
),

levels as (
    {% for level_name, period, cost in [
        ('rpt_daily_api_costs', 'usage_date', 'allocated_cost_usd'),
        ('rpt_daily_service_costs', 'usage_date', 'allocated_cost_usd'),
        ('rpt_daily_pipeline_costs', 'usage_date', 'allocated_cost_usd'),
        ('rpt_feature_value', 'usage_month', 'allocated_cost_usd'),
        ('fct_monthly_feature_costs', 'usage_month', 'allocated_cost_usd'),
        (
            'rpt_instrumentation_coverage',
            'usage_month',
            'traced_cost_usd + traced_without_feature_cost_usd + untraced_owned_cost_usd + untraced_cost_usd',
        ),
    ] %}
    select
        '{{ level_name }}' as level_name,
        {{ period }} as period_start_date,
        sum({{ cost }}) as cost_usd,
        sum(request_count) as request_count
    from {{ ref(level_name) }}
    group by {{ period }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    coalesce(levels.level_name, expected.level_name) as level_name,
    coalesce(levels.period_start_date, expected.period_start_date) as period_start_date,
    levels.cost_usd,
    expected.cost_usd as expected_cost_usd
from levels
full join expected
    on levels.level_name = expected.level_name and levels.period_start_date = expected.period_start_date
where
    levels.cost_usd is distinct from expected.cost_usd
    or levels.request_count is distinct from expected.request_count
