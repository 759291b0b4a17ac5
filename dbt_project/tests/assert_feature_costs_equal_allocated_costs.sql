{# The usage cost of a day is the same by feature as by allocation row, and so are its calls and tokens. #}
with

by_feature as (
    select
        usage_date,
        sum(allocated_cost_usd) as allocated_cost_usd,
        sum(request_count) as request_count,
        sum(input_tokens + output_tokens) as tokens
    from {{ ref('fct_daily_feature_costs') }}
    group by usage_date
),

by_row as (
    select
        usage_date,
        sum(allocated_cost_usd) as allocated_cost_usd,
        sum(request_count) as request_count,
        sum(input_tokens + output_tokens) as tokens
    from {{ ref('fct_daily_allocated_costs') }}
    where charge_category = 'usage'
    group by usage_date
)

select
    coalesce(by_feature.usage_date, by_row.usage_date) as usage_date,
    by_feature.allocated_cost_usd as feature_cost_usd,
    by_row.allocated_cost_usd,
    by_feature.request_count as feature_request_count,
    by_row.request_count
from by_feature
full join by_row on by_feature.usage_date = by_row.usage_date
where
    by_feature.allocated_cost_usd is distinct from by_row.allocated_cost_usd
    or by_feature.request_count is distinct from by_row.request_count
    or by_feature.tokens is distinct from by_row.tokens
