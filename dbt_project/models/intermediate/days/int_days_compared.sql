{#
    Grain: one row per usage_date that has traces or a bill now, or had one in the build that this one began as; with what the costs of
    its calls are made of, as checksums, and whether any of it is other than it was. In a build from nothing all of it is.

    Whatever else a day's costs are made of (code, seeds, prices) is the same, or the build would not have begun as a copy. Models
    from here on are made again for whole days. What is traced in batch may count on another day: where one of a changed day or near it
    does, days change with their neighbours, twice as far as a batch reaches (var batch_days): a day's cells with what moves
    to and from it, and its calls with the cells that these share with other calls.
#}
{{ config(materialized='table') }}
{%- set batch_days = batch_days() %}
with

calls as (
    select distinct
        coalesce(provider_name, 'unknown') as provider_name,
        request_model,
        response_model,
        processing,
        usage_date
    from {{ ref('int_llm_calls_deduplicated') }}
),

batch_dates as (
    select distinct usage_date
    from calls
    where processing = 'batch'
),

-- Usage may count on these although nothing happened on them.
dates_reached as (
    {% for distance in range(1, batch_days + 1) %}
    select cast(usage_date + interval {{ distance }} day as date) as usage_date
    from batch_dates
    where usage_date + interval {{ distance }} day < cast('{{ var("as_of_date") }}' as date)
    {% if not loop.last %}union{% endif %}
    {% endfor %}
),

model_names as (
    select * from {{ ref('int_model_names_resolved') }}
),

cells as (
    select * from {{ ref('int_billing_cells_summed') }}
),

account_days as (
    select * from {{ ref('int_account_days_billed') }}
),

names_said as (
    select
        provider_name,
        request_model as model_name,
        usage_date
    from calls
    union
    select
        provider_name,
        response_model as model_name,
        usage_date
    from calls
),

days_named as (
    select
        names_said.usage_date,
        {{ checksum('model_names') }} as names_checksum
    from names_said
    inner join model_names
        on names_said.provider_name = model_names.provider_name and names_said.model_name = model_names.model_name
    group by names_said.usage_date
),

days_billed as (
    select
        usage_date,
        {{ checksum('cells') }} as bill_checksum
    from cells
    group by usage_date
),

bills as (
    select
        provider_name,
        billing_account_id,
        max(usage_date) as last_date
    from account_days
    group by provider_name, billing_account_id
),

-- How far bills reach of the days that a batch may count on.
bills_reaching as (
    select
        bills.provider_name,
        bills.billing_account_id,
        greatest(
            least(bills.last_date, cast(batch_dates.usage_date + interval {{ batch_days }} day as date)),
            cast(batch_dates.usage_date - interval 1 day as date)
        ) as reached_date,
        batch_dates.usage_date
    from batch_dates
    cross join bills
),

accounts_said as (
    select
        provider_name,
        billing_account_id,
        usage_date as reached_date,
        usage_date
    from account_days
    union all
    select
        provider_name,
        billing_account_id,
        reached_date,
        usage_date
    from bills_reaching
),

days_with_accounts as (
    select
        usage_date,
        {{ checksum('accounts_said') }} as accounts_checksum
    from accounts_said
    group by usage_date
),

{% if var('built_on_as_of_date', '') != '' %}
days_before as (
    select
        usage_date,
        names_checksum,
        bill_checksum,
        accounts_checksum,
        has_batch
    from {{ source('lake', 'previous_days') }}
),

days_of_changed_traces as (
    select distinct usage_date
    from {{ ref('int_traces_changed') }}
),

days as (
    select usage_date from calls
    union
    select usage_date from days_billed
    union
    select usage_date from days_with_accounts
    union
    select usage_date from dates_reached
    union
    select usage_date from days_before
    union
    select usage_date from days_of_changed_traces
),

days_changed_themselves as (
    select days.usage_date
    from days
    left join days_named on days.usage_date = days_named.usage_date
    left join days_billed on days.usage_date = days_billed.usage_date
    left join days_with_accounts on days.usage_date = days_with_accounts.usage_date
    left join days_before on days.usage_date = days_before.usage_date
    left join days_of_changed_traces on days.usage_date = days_of_changed_traces.usage_date
    where
        days_of_changed_traces.usage_date is not null
        or days_named.names_checksum is distinct from days_before.names_checksum
        or days_billed.bill_checksum is distinct from days_before.bill_checksum
        or days_with_accounts.accounts_checksum is distinct from days_before.accounts_checksum
),

batches_before_and_after as (
    select usage_date from batch_dates
    union
    select usage_date from days_before
    where has_batch
),

changes as (
    select usage_date from days_changed_themselves
    union
    -- From this day on batches may count that had to stay on the day before.
    select cast('{{ var("built_on_as_of_date") }}' as date) as usage_date
),

days_changed as (
    select usage_date from days_changed_themselves
    union
    select days.usage_date
    from changes
    inner join batches_before_and_after as batches
        on
            batches.usage_date >= changes.usage_date - interval {{ 2 * batch_days }} day
            and batches.usage_date <= changes.usage_date + interval {{ 2 * batch_days }} day
    inner join days
        on
            days.usage_date >= changes.usage_date - interval {{ 2 * batch_days }} day
            and days.usage_date <= changes.usage_date + interval {{ 2 * batch_days }} day
),
{% else %}
days as (
    select usage_date from calls
    union
    select usage_date from days_billed
    union
    select usage_date from days_with_accounts
    union
    select usage_date from dates_reached
),

days_changed as (
    select usage_date from days
),
{% endif %}

days_compared as (
    select
        days.usage_date,
        days_named.names_checksum,
        days_billed.bill_checksum,
        days_with_accounts.accounts_checksum,
        batch_dates.usage_date is not null as has_batch,
        days_changed.usage_date is not null as is_changed
    from days
    left join days_named on days.usage_date = days_named.usage_date
    left join days_billed on days.usage_date = days_billed.usage_date
    left join days_with_accounts on days.usage_date = days_with_accounts.usage_date
    left join batch_dates on days.usage_date = batch_dates.usage_date
    left join days_changed on days.usage_date = days_changed.usage_date
)

select * from days_compared
