{# Usage is as much on the days of the bill as on the days of the calls, and costs the same, by call and token class. #}
with

dated as (
    select
        call_id,
        token_class,
        sum(quantity) as quantity,
        sum(estimated_cost_usd) as estimated_cost_usd
    from {{ ref('int_llm_call_usages_dated') }}
    where processing = 'batch'
    group by call_id, token_class
),

usages as (
    select
        call_id,
        token_class,
        quantity,
        estimated_cost_usd
    from {{ ref('int_llm_call_usages_priced') }}
    where processing = 'batch'
)

select
    coalesce(usages.call_id, dated.call_id) as call_id,
    coalesce(usages.token_class, dated.token_class) as token_class,
    usages.quantity,
    dated.quantity as dated_quantity,
    usages.estimated_cost_usd,
    dated.estimated_cost_usd as dated_cost_usd
from usages
full join dated on usages.call_id = dated.call_id and usages.token_class = dated.token_class
where
    usages.quantity is distinct from dated.quantity
    or usages.estimated_cost_usd is distinct from dated.estimated_cost_usd
