{#
    Grain: one row per start_month, journey_name and entry_feature_id: unit economics, what one journey and one user cost.

    A journey is all calls of one journey_id, across services and features; where spans name none, of one trace; else the call
    alone. It belongs to the month in which it began and to the feature of its first call, with all that it cost, so a month here
    is not the month of the usage. Its name is what the first of its calls that has one says, `unnamed` where none does. What was
    billed and never traced is in no journey.
#}
with

calls as (
    select
        call_id,
        feature_id,
        user_id,
        journey_name,
        service_name,
        cost_status,
        -- The bill of the day says 0 of a call whose usage nobody knows; that is no cost to know a journey by.
        case when cost_reason = 'no_usage' then null else allocated_cost_usd end as allocated_cost_usd,
        started_at,
        journey_id is not null as has_journey_id,
        case
            when journey_id is not null then 'journey ' || journey_id
            when trace_id is not null then 'trace ' || trace_id
            else 'call ' || call_id
        end as journey_key
    from {{ ref('fct_llm_calls') }}
),

journeys as (
    select
        journey_key,
        coalesce({{ first_said('journey_name', ordered_pair('started_at', 'call_id')) }}, 'unnamed') as journey_name,
        min_by(feature_id, {{ ordered_pair('started_at', 'call_id') }}) as entry_feature_id,
        bool_or(has_journey_id) as has_journey_id,
        bool_or(user_id is not null) as has_user_id,
        count(*) as call_count,
        count(distinct service_name) as service_count,
        count(distinct feature_id) as feature_count,
        bool_or(cost_status = 'estimated') as is_estimated,
        -- Of a call whose cost nobody knows, the journey's cost is not known either.
        case when count(*) = count(allocated_cost_usd) then sum(allocated_cost_usd) end as cost_usd,
        cast(date_trunc('month', min(started_at)) as date) as start_month
    from calls
    group by journey_key
),

users_counted as (
    select
        journeys.start_month,
        journeys.journey_name,
        journeys.entry_feature_id,
        count(distinct calls.user_id) as user_count
    from journeys
    inner join calls on journeys.journey_key = calls.journey_key
    where journeys.cost_usd is not null
    group by journeys.start_month, journeys.journey_name, journeys.entry_feature_id
),

journeys_summed as (
    select
        start_month,
        journey_name,
        entry_feature_id,
        case when bool_or(is_estimated) then 'estimated' else 'billed' end as cost_status,
        count(*) as journey_count,
        count(*) filter (where cost_usd is null) as unknown_cost_journey_count,
        count(cost_usd) as known_cost_journey_count,
        count(*) filter (where has_journey_id) as identified_journey_count,
        count(*) filter (where service_count > 1) as cross_service_journey_count,
        count(*) filter (where feature_count > 1) as cross_feature_journey_count,
        sum(call_count) as request_count,
        cast(sum(cost_usd) as decimal(18, 6)) as allocated_cost_usd,
        cast(sum(cost_usd) filter (where has_user_id) as decimal(18, 6)) as user_cost_usd,
        cast({{ discrete_quantile('cost_usd', 0.5) }} as decimal(18, 6)) as median_cost_usd_per_journey,
        cast({{ discrete_quantile('cost_usd', 0.95) }} as decimal(18, 6)) as p95_cost_usd_per_journey
    from journeys
    group by start_month, journey_name, entry_feature_id
),

journey_costs as (
    select
        journeys_summed.entry_feature_id,
        journeys_summed.journey_name,
        journeys_summed.cost_status,
        cast(journeys_summed.journey_count as bigint) as journey_count,
        cast(journeys_summed.unknown_cost_journey_count as bigint) as unknown_cost_journey_count,
        cast(journeys_summed.cross_service_journey_count as bigint) as cross_service_journey_count,
        cast(journeys_summed.cross_feature_journey_count as bigint) as cross_feature_journey_count,
        cast(journeys_summed.request_count as bigint) as request_count,
        cast(coalesce(users_counted.user_count, 0) as bigint) as user_count,
        journeys_summed.allocated_cost_usd,
        {{ usd_per('journeys_summed.allocated_cost_usd', 'journeys_summed.known_cost_journey_count') }}
            as cost_usd_per_journey,
        journeys_summed.median_cost_usd_per_journey,
        journeys_summed.p95_cost_usd_per_journey,
        {{ usd_per('journeys_summed.user_cost_usd', 'users_counted.user_count') }} as cost_usd_per_user,
        {{ ratio('journeys_summed.identified_journey_count', 'journeys_summed.journey_count') }} as named_journey_ratio,
        journeys_summed.start_month
    from journeys_summed
    left join users_counted
        on
            journeys_summed.start_month = users_counted.start_month
            and journeys_summed.journey_name = users_counted.journey_name
            and journeys_summed.entry_feature_id = users_counted.entry_feature_id
)

select * from journey_costs
