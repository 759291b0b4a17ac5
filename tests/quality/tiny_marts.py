"""A candidate warehouse small enough to check by hand: nine days, two features, three calls a day.

Each day `chat` makes two calls of $1.00, `search` one of $0.50, and the bill has $0.25 that nobody traced: $2.75. On the first
five days the calls of `chat` are a reranker's.
Week one (2025-06-02 to 08) costs $19.25, week two so far (09 and 10) $5.50: $13.75 less, all of it volume.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from ai_finops.build.candidate import find_build
from ai_finops.build.raw_views import open_warehouse
from ai_finops.config import Settings
from ai_finops.pricing.held_prices import write_periods
from ai_finops.pricing.price_ledger import PricePeriod
from ai_finops.pricing.price_table import FOREVER
from ai_finops.quality.columns import READ_COLUMNS
from ai_finops.quality.contracts import contract_types

AS_OF = date(2025, 6, 11)

DAYS = """
create schema raw; create schema staging; create schema intermediate; create schema marts;
create schema seeds;
create table days as select cast(d as date) as day from range(date '2025-06-02', $as_of, interval 1 day) as r(d);
"""

RAW = """
create table raw.traces_spans as
select
    't' || strftime(day, '%d') || n as trace_id, 's' || n as span_id, 'chat' as operation_name,
    timezone('UTC', day + to_hours(n)) as started_at, day as landing_date, 'o' as object_key, n as object_line,
    cast(null as varchar) as details_json
from days, range(1, 4) as r(n);

insert into raw.traces_spans
select
    'r' || strftime(day, '%d'), 'd', 'routing', timezone('UTC', day + interval 2 hour), day, 'o', 4, null
from days;

create table raw.xray_spans_spans as from raw.traces_spans limit 0;

create table raw.bedrock_logs_invocations as
select 'r' as request_id, timestamptz '2025-06-02 10:00:00+00' as invoked_at limit 0;

create table intermediate.int_bill_lines_unioned as
select
    day as usage_date, strftime(day, '%Y-%m') as billing_period, 'aws.bedrock' as provider_name,
    '111122223333' as billing_account_id, 'aws_cur' as billing_source, cast(2.75 as decimal(38, 12)) as billed_cost_usd
from days
union all
select date '2025-06-05', '2025-06', 'aws.bedrock', '111122223333', 'aws_focus', 99;

create table seeds.billing_sources as
select
    'aws.bedrock' as provider_name, '*' as billing_account_id, 'aws_cur' as billing_source,
    date '2020-01-01' as valid_from, cast(null as date) as valid_to
union all
select 'aws.bedrock', '*', 'aws_focus', date '2020-01-01', date '2025-06-01';

create table seeds.reporting_bounds as
select * from (values
    ('largest_unknown_cost_ratio', 0.01::double),
    ('largest_missing_day_ratio', 0.1),
    ('largest_estimate_error_pct', 25),
    ('smallest_estimate_error_cost_usd', 1),
    ('cache_window_s', 86400),
    ('asked_again_window_s', 300),
    ('asked_again_similarity', 0.85),
    ('drift_similarity', 0.85)
) as b(bound_name, bound);

create table seeds.anomaly_rules as
select
    '*' as feature_id, 'trailing_days' as baseline_kind, 7::bigint as trailing_day_count, 4::bigint as same_weekday_count,
    3::bigint as smallest_known_day_count, 2.0::decimal(18, 6) as anomaly_ratio,
    5.0::decimal(18, 6) as smallest_excess_cost_usd, 3::bigint as step_day_count;

create table raw.closed_periods (
    provider_name varchar, billing_account_id varchar, usage_month date, closed_at date, rule varchar, version bigint,
    is_frozen boolean
);

create table raw.closed_fct_daily_allocated_costs (
    usage_date date, feature_id varchar, provider_name varchar, billing_account_id varchar, corrected_month date,
    allocated_cost_usd decimal(18, 6)
);

create table raw.prices as select unnest(['m', 'n']) as model_id;

create table seeds.rollout_steps as
select unnest(['attributed_cost_ratio', 'shipped_decision_count']) as measure_name;

create table raw.extract_outcomes as
select source, day as landing_date from days, (values ('traces'), ('billing'), ('cloudwatch')) as s(source);
"""

CALLS = """
create table marts.fct_llm_calls as
select
    trace_id || '-' || span_id as call_id, trace_id, span_id,
    if(span_id = 's3', 'search', 'chat') as feature_id, 'answer' as pipeline_id, 'support-api' as service_name,
    '111122223333' as account_id, 'j' as journey_id, 'onboarding' as journey_name, 'u' as user_id, 'chat' as task_type,
    if(span_id <> 's3' and started_at < timestamptz '2025-06-07 00:00:00+00', 'rerank', operation_name) as operation_name,
    'aws.bedrock' as provider_name, 'm' as request_model, 'm' as model_id, 'mid' as model_tier,
    'regional' as region_scope, 'on_demand' as processing, 'openinference' as dialect, 'v1' as prompt_version,
    'genai-prices' as price_catalog, '0.2.3' as price_catalog_version,
    cast(null as varchar) as cost_reason, cast(null as varchar) as feature_reason,
    cast(900 as bigint) as uncached_input_tokens, cast(100 as bigint) as cache_read_input_tokens,
    cast(0 as bigint) as cache_write_5m_input_tokens, cast(0 as bigint) as cache_write_1h_input_tokens,
    cast(50 as bigint) as output_tokens, cast(null as bigint) as reasoning_output_tokens,
    cast(null as bigint) as search_unit_count, cast(1000 as bigint) as input_tokens,
    cast(0 as bigint) as retry_count, cast(null as double) as time_to_first_token_ms,
    cast(if(span_id = 's3', 0.5, 1) as decimal(38, 12)) as estimated_cost_usd,
    cast(if(span_id = 's3', 0.5, 1) as decimal(38, 12)) as allocated_cost_usd, 'billed' as cost_status,
    true as has_usage, true as is_generating, false as is_error, cast(started_at as date) as usage_date,
    started_at, started_at + interval 1 second as ended_at, cast(1000 as bigint) as duration_ms
from raw.traces_spans where operation_name = 'chat';

create table intermediate.int_llm_call_candidates_settled as
select call_id as candidate_id, trace_id, call_id from marts.fct_llm_calls;

create table marts.fct_daily_instrumentation_gaps (
    usage_date date, scope_name varchar, service_name varchar, provider_name varchar, request_model varchar,
    reason varchar, usage_gap varchar, call_count bigint
);

create table marts.fct_daily_routing_decisions as
select
    cast(started_at as date) as usage_date, 'chat' as feature_id, 'support' as policy_id, 'n' as first_model_id,
    'm' as model_id, 'chat' as task_type, '0a' as policy_version, 'confidence' as strategy, 'not sure' as reason,
    'capable' as tier,
    count(*) as decision_count, count(*) as escalatable_count, 0::bigint as unknown_escalation_count,
    count(*) as escalated_count, 0::bigint as fallback_count, cast(2 * count(*) as bigint) as attempt_count,
    0::bigint as unknown_attempt_count, 0::bigint as unknown_cost_count, cast(0.5 as decimal(18, 6)) as estimated_cost_usd,
    cast(0.4 as decimal(18, 6)) as capable_cost_usd, cast(-0.1 as decimal(18, 6)) as saved_cost_usd,
    1000::double as mean_duration_ms, 1000::bigint as largest_duration_ms
from raw.traces_spans where operation_name = 'routing' group by all;

create table marts.fct_daily_unmapped_attributes (
    landing_date date, attribute_name varchar, service_name varchar, span_count bigint
);

create table marts.fct_daily_unpriced_usage (
    usage_date date, provider_name varchar, request_model varchar, cost_reason varchar, call_count bigint,
    input_tokens bigint, output_tokens bigint
);

create table marts.fct_daily_extract_outcomes as
select
    source, landing_date, 'loaded' as status, 5::bigint as read_count, 3::bigint as loaded_count,
    1::bigint as ignored_count, 1::bigint as quarantined_count, 0::bigint as duplicate_count,
    cast(null as varchar) as error, timestamptz '2025-06-11 06:00:00+00' as extracted_at
from raw.extract_outcomes;

create table marts.fct_daily_run_summaries as
select
    landing_date as run_date, 'land_' || source as station_name, status, cast(null as varchar) as api_cost_reason,
    loaded_count as row_count, 1000::bigint as read_bytes, 20::bigint as api_call_count,
    2::bigint as s3_list_request_count, 18::bigint as s3_get_request_count, 0::bigint as cloudwatch_metric_count,
    20::bigint as cost_explorer_request_count, 0::bigint as unpriced_call_count,
    cast(0.2 as decimal(38, 12)) as api_cost_usd, 1.5::double as run_seconds, extracted_at as ended_at
from marts.fct_daily_extract_outcomes
union all
select
    day, 'build_costs', 'built', 'not_counted', null, null, null, null, null, null, null, null, null, 20.0,
    timestamptz '2025-06-11 06:10:00+00'
from days where day < '2025-06-10';
"""

COSTS = """
create table intermediate.int_days_covered as select day as covered_date from days;
create table marts.dim_days as
select
    true as is_covered, day as usage_date, cast(date_trunc('week', day) as date) as week_start_date,
    cast(date_trunc('month', day) as date) as usage_month
from days;
create table intermediate.int_shadow_comparisons_resolved (
    trace_id varchar, span_id varchar, task_type varchar, baseline_model_id varchar, candidate_model_id varchar,
    is_no_worse boolean, made_date date
);

create table intermediate.int_task_types_found (
    feature_id varchar, pipeline_id varchar, operation_name varchar, task_type varchar
);

create table intermediate.int_routed_calls_found (
    call_id varchar, trace_id varchar, span_id varchar, is_sent_on boolean, usage_date date
);

create table intermediate.int_daily_call_groups_summed as
select
    feature_id, pipeline_id, service_name, model_id, journey_name, prompt_version, count(*) as request_count,
    cast(sum(input_tokens) as bigint) as input_tokens, cast(sum(output_tokens) as bigint) as output_tokens,
    0::bigint as unknown_cost_call_count, 0::bigint as unknown_cost_tokens,
    cast(sum(estimated_cost_usd) as decimal(38, 12)) as allocated_cost_usd, usage_date
from marts.fct_llm_calls group by all;

create table marts.fct_daily_allocated_costs as
select
    day as usage_date, 'usage' as charge_category, f.feature_id, f.pipeline_id, f.service_name,
    'aws.bedrock' as provider_name, '111122223333' as billing_account_id, 'm' as model_id, 'mid' as model_tier,
    f.task_type, f.attribution, f.reason as unattributed_reason, 'billed' as cost_status,
    cast(f.calls as bigint) as request_count, cast(1000 * f.calls as bigint) as input_tokens,
    cast(50 * f.calls as bigint) as output_tokens,
    cast(0 as bigint) as unknown_cost_call_count, cast(0 as bigint) as unknown_cost_tokens,
    cast(f.usd as decimal(18, 6)) as estimated_cost_usd,
    cast(f.usd as decimal(18, 6)) as allocated_cost_usd,
    cast(null as date) as corrected_month, cast(null as varchar) as corrected_charge_category
from days, (values
    ('chat', 'answer', 'support-api', 'chat', 'traced', null, 2, 2.0),
    ('search', 'answer', 'support-api', 'chat', 'traced', null, 1, 0.5),
    ('unattributed', 'unknown', 'unknown', 'unknown', 'unattributed', 'no_trace', 0, 0.25)
) as f(feature_id, pipeline_id, service_name, task_type, attribution, reason, calls, usd);

create table marts.fct_daily_feature_costs as
select
    usage_date, feature_id, upper(feature_id) as display_name, 'team' as team, 'owner' as owner, cost_status,
    request_count, cast(1 as bigint) as user_count, input_tokens, output_tokens, unknown_cost_call_count,
    unknown_cost_tokens, estimated_cost_usd, allocated_cost_usd,
    cast(allocated_cost_usd / nullif(request_count, 0) as decimal(18, 6)) as cost_usd_per_request, true as is_known_feature
from marts.fct_daily_allocated_costs;

create table marts.fct_daily_reconciliations as
select
    day as usage_date, 'usage' as charge_category, 'aws.bedrock' as provider_name, '111122223333' as billing_account_id,
    'm' as model_id, 'output' as token_class, 'regional' as region_scope, 'on_demand' as processing, 'model' as cell_grain,
    cast(165 as bigint) as billed_tokens, cast(150 as bigint) as traced_tokens,
    cast(2.5 as decimal(18, 6)) as estimated_cost_usd, cast(2.75 as decimal(18, 6)) as billed_cost_usd,
    cast(2.5 as decimal(18, 6)) as allocated_cost_usd, cast(0.25 as decimal(18, 6)) as unattributed_cost_usd,
    cast(0.000000000003 as decimal(38, 12)) as rounding_cost_usd,
    cast(90.9 as double) as coverage_pct, 'tokens' as coverage_basis, cast(0 as double) as error_pct, true as is_settled,
    cast(null as date) as corrected_month, cast(null as varchar) as corrected_charge_category
from days;
"""

LEVELS = """
create or replace table marts.fct_daily_price_differences as
select
    usage_date, provider_name, billing_account_id, model_id, token_class, region_scope, processing,
    'other_price' as reason, billed_tokens as billed_quantity, cast(1000000 as bigint) as unit_quantity, billed_cost_usd,
    cast(0.1 as decimal(18, 6)) as difference_cost_usd, cast(16 as decimal(38, 12)) as billed_usd_per_unit,
    cast(15 as decimal(38, 12)) as price_usd_per_unit, 0.066::double as difference_ratio
from marts.fct_daily_reconciliations;

create or replace table marts.rpt_daily_api_costs as
select
    usage_date, charge_category, provider_name, billing_account_id, model_id, 'billed' as cost_status,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
    cast(0.25 as decimal(18, 6)) as unattributed_cost_usd
from marts.fct_daily_allocated_costs group by all;

create or replace table marts.rpt_daily_service_costs as
select
    usage_date, service_name, 'billed' as cost_status, cast(sum(request_count) as bigint) as request_count,
    count(*) filter (where request_count > 0) as calling_feature_count,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
    cast(null as decimal(18, 6)) as cost_usd_per_request
from marts.fct_daily_allocated_costs group by all;

create or replace table marts.rpt_daily_pipeline_costs as
select
    usage_date, pipeline_id, feature_id, 'billed' as cost_status, request_count, allocated_cost_usd,
    allocated_cost_usd as pipeline_cost_usd, cast(1 as bigint) as pipeline_feature_count,
    1::double as pipeline_cost_share_ratio
from marts.fct_daily_allocated_costs;

create or replace table marts.fct_monthly_feature_costs as
select
    cast(date_trunc('month', usage_date) as date) as usage_month, provider_name, billing_account_id, feature_id,
    charge_category, corrected_month, corrected_charge_category, feature_id as display_name, 'team' as team,
    'owner' as owner, 'billed' as cost_status, 'USD' as currency_code, cast(0 as bigint) as version, false as is_closed,
    true as is_known_feature,
    cast(null as date) as closed_at_date, cast(sum(request_count) as bigint) as request_count,
    cast(sum(estimated_cost_usd) as decimal(18, 6)) as estimated_cost_usd,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as billed_cost_usd,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd
from marts.fct_daily_allocated_costs group by all;

create or replace table marts.fct_monthly_cost_restatements (
    usage_month date, provider_name varchar, billing_account_id varchar, feature_id varchar, charge_category varchar,
    closed_version bigint, closed_request_count bigint, restated_request_count bigint,
    closed_allocated_cost_usd decimal(18, 6), restated_allocated_cost_usd decimal(18, 6),
    allocated_cost_difference_usd decimal(18, 6)
);

create or replace table marts.rpt_feature_value as
select
    cast(date_trunc('month', usage_date) as date) as usage_month, feature_id, feature_id as display_name, 'team' as team,
    'owner' as owner, 'billed' as cost_status, cast(sum(request_count) as bigint) as request_count,
    cast(1 as bigint) as user_count, cast(sum(allocated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
    cast(null as decimal(18, 6)) as cost_usd_per_request, cast(null as decimal(18, 6)) as cost_usd_per_user,
    0.5::double as cost_share_ratio, 0.5::double as request_share_ratio, 1::double as user_share_ratio,
    1::double as named_call_ratio
from marts.fct_daily_allocated_costs group by all;

create or replace table marts.rpt_journey_costs as
select
    cast(date_trunc('month', min(usage_date)) as date) as start_month, 'onboarding' as journey_name, 'chat' as entry_feature_id,
    'billed' as cost_status, cast(1 as bigint) as journey_count, cast(0 as bigint) as unknown_cost_journey_count,
    count(*) as request_count, cast(1 as bigint) as user_count,
    cast(sum(estimated_cost_usd) as decimal(18, 6)) as allocated_cost_usd,
    cast(sum(estimated_cost_usd) as decimal(18, 6)) as cost_usd_per_journey,
    cast(sum(estimated_cost_usd) as decimal(18, 6)) as cost_usd_per_user, 1::double as named_journey_ratio
from marts.fct_llm_calls;

create or replace table marts.rpt_focus_costs as
select
    md5(usage_date || feature_id) as x_RowId, 'Usage' as ChargeCategory, 'usage' as x_ChargeKind,
    'billed' as x_CostStatus, feature_id as x_FeatureId, cast(usage_date as timestamp) as ChargePeriodStart,
    cast(allocated_cost_usd as decimal(38, 12)) as BilledCost,
    cast(allocated_cost_usd + if(feature_id = 'chat', 0.000000000003, 0) as decimal(38, 12)) as x_BilledCostUsd,
    {nulls}
from marts.fct_daily_allocated_costs;

create or replace table marts.rpt_instrumentation_coverage as
select
    cast(date_trunc('month', usage_date) as date) as usage_month, provider_name, billing_account_id, service_name,
    model_id, cast(sum(request_count) as bigint) as request_count,
    cast(sum(allocated_cost_usd) as decimal(18, 6)) as billed_cost_usd,
    cast(sum(if(attribution = 'traced', allocated_cost_usd, 0)) as decimal(18, 6)) as traced_cost_usd,
    cast(sum(if(attribution = 'traced', 0, allocated_cost_usd)) as decimal(18, 6)) as missing_trace_cost_usd,
    0.5::double as traced_ratio, cast(1 as bigint) as missing_trace_rank
from marts.fct_daily_allocated_costs group by all;
"""

_FOCUS_KNOWN = [
    "x_RowId",
    "ChargeCategory",
    "x_ChargeKind",
    "x_CostStatus",
    "x_FeatureId",
    "ChargePeriodStart",
    "BilledCost",
    "x_BilledCostUsd",
]
# The columns of the FOCUS export that the audit does not look at.
LEVELS = LEVELS.replace(
    "{nulls}",
    ", ".join(f"null as {name}" for name in READ_COLUMNS["rpt_focus_costs"] if name not in _FOCUS_KNOWN),
)

REVIEW = """
create table marts.fct_daily_metrics as
select
    day as usage_date, 'chat' as feature_id, 'task_type=chat' as dimension, 'token_amplification' as metric_name,
    100.0::double as numerator, 2000.0::double as denominator, 0.05::double as value, 2::bigint as sample_count,
    2::bigint as considered_count, cast(null as double) as unknown_ratio, cast(null as decimal(18, 6)) as cost_at_stake_usd,
    'healthy' as status, cast(null as varchar) as validation, 0.5::double as healthy_bound, 0.8::double as warning_bound
from days;

create table marts.rpt_unused_context as
select
    day as usage_date, 'chat' as feature_id, 'citation' as evidence, 'recorded' as validation, 2::bigint as call_count,
    1::bigint as unknown_cost_call_count, 8::bigint as document_count, 6::bigint as unused_document_count,
    1000::bigint as input_tokens, 300::bigint as unused_tokens, cast(0.1 as decimal(18, 6)) as input_cost_usd,
    cast(0.03 as decimal(18, 6)) as unused_input_cost_usd, false as is_token_count_estimated
from days;

create table marts.fct_daily_cache_opportunities as
select
    day as usage_date, 'chat' as feature_id, 'none' as embedder_id, similarity, 2::bigint as query_count,
    1::bigint as hit_count, 0.5::double as hit_ratio, 1.0::double as precision_ratio, 0.5::double as right_hit_ratio,
    0.5::double as low_right_hit_ratio, 0.5::double as high_right_hit_ratio, cast(1 as decimal(18, 6)) as hit_cost_usd,
    cast(1 as decimal(18, 6)) as saved_cost_usd, cast(1 as decimal(18, 6)) as low_saved_cost_usd,
    cast(1 as decimal(18, 6)) as high_saved_cost_usd, true as is_calibrated
from days, (values (0.9::double), (1.0::double)) as curve(similarity);

create table marts.fct_weekly_metrics as
select
    cast(date_trunc('week', usage_date) as date) as week_start_date, feature_id, dimension, metric_name,
    'healthy' as status, cast(null as varchar) as validation, 'not_compared' as trend,
    cast(null as varchar) as verdict, 'rewrite prompts' as action, 'prompt owner' as owner,
    sum(numerator) as numerator, sum(denominator) as denominator, 0.05::double as value,
    cast(sum(sample_count) as bigint) as sample_count, cast(sum(considered_count) as bigint) as considered_count,
    cast(null as double) as unknown_ratio, count(*) as covered_day_count, 0::bigint as unknown_day_count,
    cast(null as double) as previous_value, cast(null as double) as value_change, cast(null as double) as trend_change,
    cast(null as double) as estimated_cost_ratio, cast(null as decimal(18, 6)) as cost_at_stake_usd,
    0.5::double as healthy_bound, 0.8::double as warning_bound, cast(null as double) as healthy_lower_bound,
    count(*) = 7 as is_complete_week
from marts.fct_daily_metrics group by all;

create table marts.rpt_weekly_rerankers as
select
    date '2025-06-02' as week_start_date, feature_id, 'unproven' as verdict, 'no_relevance' as reason,
    'drop it' as action, 'ML engineer' as owner, 5::bigint as top_k, 10::bigint as rerank_count,
    10::bigint as compared_count, 4::bigint as changed_count, 0.4::double as change_ratio, 0::bigint as judged_count,
    cast(null as double) as hit_before_ratio, cast(null as double) as hit_after_ratio, 0::bigint as gained_hit_count,
    0::bigint as lost_hit_count, cast(10 as decimal(18, 6)) as allocated_cost_usd,
    cast(2.5 as decimal(18, 6)) as cost_usd_per_changed_rerank, 7::bigint as covered_day_count, true as is_complete_week
from (values ('chat'), ('total')) as f(feature_id);

create table marts.fct_cost_projections as
select
    $as_of as as_of_date, 'total' as feature_id, scenario, target_period, target_date, month_number,
    cast(actual_usd as decimal(18, 6)) as actual_cost_usd, if(actual_usd is null, null, 'days_missing') as actual_status,
    if(actual_usd is null, null, 1::bigint) as missing_day_count, cast(usd as decimal(18, 6)) as projected_cost_usd,
    cast(usd - 0.5 as decimal(18, 6)) as low_cost_usd, cast(usd + 0.5 as decimal(18, 6)) as high_cost_usd,
    'linear_trend' as method, 'short_history' as status, 9::bigint as window_day_count, '7d' as error_horizon,
    0.1::double as wape_ratio, 0.0::double as bias_ratio, 0.8::double as coverage_ratio, 3::bigint as error_origin_count,
    false as is_backcast
from (values
    ('as_is', 'day', date '2025-06-30', null, null, 2.75), ('as_is', 'month', date '2025-06-01', 0, 24.75, 79.75),
    ('with_planned_features', 'day', date '2025-06-30', null, null, 3.75),
    ('with_open_decisions', 'day', date '2025-06-30', null, null, 2.5)
) as p(scenario, target_period, target_date, month_number, actual_usd, usd);

create table marts.rpt_planned_features as
select
    $as_of as as_of_date, 'digest' as feature_id, 'rag_answer' as pipeline_id, 'planned' as status, 'applied' as plan_status,
    'ann@example.com' as owner, 'why' as reason, date '2025-06-30' as launch_date, 1.0::double as share_ratio,
    2.5::double as assumed_multiplier, true as is_default_multiplier, 2.5::double as cost_factor, 1::bigint as order_number,
    cast(30 as decimal(18, 6)) as extra_cost_usd, cast(null as double) as realised_multiplier,
    'not_launched' as realised_status, 0::bigint as realised_day_count, cast(null as decimal(18, 6)) as own_cost_usd,
    cast(null as decimal(18, 6)) as others_cost_usd;

create table marts.rpt_budgets as
select
    $as_of as as_of_date, 'total' as feature_id, date '2025-06-01' as budget_month, 0::bigint as month_number,
    'will_be_exceeded' as status, 'linear_trend' as method, 'ann@example.com' as owner, 'agreed' as reason,
    cast(50 as decimal(18, 6)) as budget_cost_usd, cast(24.75 as decimal(18, 6)) as actual_cost_usd,
    cast(79.75 as decimal(18, 6)) as projected_cost_usd, cast(79.25 as decimal(18, 6)) as low_cost_usd,
    cast(80.25 as decimal(18, 6)) as high_cost_usd, 0.495::double as budget_used_ratio,
    1.595::double as projected_budget_ratio, date '2025-06-20' as exceeded_date, date '2025-06-20' as earliest_exceeded_date,
    date '2025-06-20' as latest_exceeded_date, 9::bigint as days_until_exceeded, 9::bigint as least_days_until_exceeded,
    9::bigint as most_days_until_exceeded, 'short_history' as projection_status, 'month_end' as error_horizon,
    0.1::double as wape_ratio, 5::bigint as error_origin_count;

create table marts.fct_projection_errors as
select
    $as_of as as_of_date, 'total' as feature_id, method, '7d' as horizon, 7::bigint as horizon_days,
    1::bigint as origin_count, 0.1::double as wape_ratio, 0.1::double as bias_ratio, 1.0::double as coverage_ratio,
    'linear_trend' as method_in_use, true as is_in_use, 'measured' as status
from (values ('linear_trend'), ('in_use')) as m(method);

create table marts.fct_projection_backtests as
select
    date '2025-06-02' as origin_date, 'total' as feature_id, method, '7d' as horizon, 7::bigint as horizon_day_count,
    6::bigint as known_day_count, date '2025-06-08' as last_target_date, cast(11 as decimal(18, 6)) as projected_cost_usd,
    cast(8 as decimal(18, 6)) as low_cost_usd, cast(14 as decimal(18, 6)) as high_cost_usd,
    cast(10 as decimal(18, 6)) as actual_cost_usd, cast(1 as decimal(18, 6)) as absolute_error_usd,
    1.0::double as interval_scale, true as is_in_interval, method = 'linear_trend' as is_method_in_use, 'ok' as status
from (values ('linear_trend'), ('mean_7d')) as m(method);

create table marts.fct_cost_drivers as
select
    date '2025-06-09' as week_start_date, feature_id, 'volume' as driver, 'fewer days' as detail,
    cast(usd as decimal(18, 6)) as contribution_cost_usd, false as is_comparable
from (values ('chat', -10.0), ('search', -2.5), ('unattributed', -1.25)) as f(feature_id, usd);

create table marts.fct_daily_cost_baselines as
select
    usage_date, feature_id, 'trailing_days' as baseline_kind,
    case when usage_date < '2025-06-05' then 'insufficient_history' when is_anomaly then 'spike' else 'normal' end as status,
    cast(null as varchar) as reason, cost_status, allocated_cost_usd,
    if(usage_date < '2025-06-05', null, cast(if(is_anomaly, 0.5, allocated_cost_usd) as decimal(18, 6))) as baseline_cost_usd,
    if(usage_date < '2025-06-05', null, cast(if(is_anomaly, 1.5, 0) as decimal(18, 6))) as excess_cost_usd,
    if(usage_date < '2025-06-05', null, if(is_anomaly, 4, 1)::double) as baseline_ratio,
    least(usage_date - date '2025-06-02', 7)::bigint as baseline_day_count,
    cast(is_anomaly as bigint) as anomaly_day_number, is_anomaly, if(is_anomaly, usage_date, null) as anomaly_start_date
from (
    select *, feature_id = 'chat' and usage_date = '2025-06-10' as is_anomaly from marts.fct_daily_feature_costs
);

create table marts.fct_cost_anomalies as
select
    'cost_anomaly_chat_2025-06-10' as alert_id, *, 'volume' as main_driver, 'more calls' as main_driver_detail,
    'owner' as owner, excess_cost_usd as main_driver_cost_usd, false as is_of_step
from marts.fct_daily_cost_baselines where is_anomaly;

create table marts.fct_cost_anomaly_drivers as
select usage_date, feature_id, main_driver as driver, main_driver_detail as detail, excess_cost_usd as contribution_cost_usd
from marts.fct_cost_anomalies;

create table marts.fct_savings_opportunities as
select
    $as_of as as_of_date, 'o1' as opportunity_id, 'chat' as feature_id, 'routing_by_task_type' as lever,
    'chat' as task_type, 'm' as current_model_id, 'n' as target_model_id,
    cast(60 as decimal(18, 6)) as current_cost_usd_per_month, cast(20 as decimal(18, 6)) as target_cost_usd_per_month,
    cast(40 as decimal(18, 6)) as saving_usd_per_month, cast(30 as decimal(18, 6)) as low_saving_usd_per_month,
    cast(50 as decimal(18, 6)) as high_saving_usd_per_month, cast(null as decimal(18, 6)) as upfront_cost_usd,
    cast(null as double) as break_even_weeks, cast(null as varchar) as ratio_name, cast(null as double) as ratio,
    cast(null as double) as break_even_ratio, cast(null as double) as head_ratio, cast(null as double) as torso_ratio,
    cast(null as double) as tail_ratio, cast(null as double) as agreement_ratio,
    0::bigint as agreement_sample_count, 'same tokens' as evidence, 'no comparison' as missing_evidence, 'small' as effort,
    'owner' as owner, 'open' as status, cast(null as varchar) as reason, 1::bigint as rank, false as is_measured;

create table marts.rpt_caching_vs_distillation as
select
    $as_of as as_of_date, 'chat' as feature_id, strategy, 'distinct texts' as diversity_basis, 'small' as implementation_effort,
    'none' as maintenance_effort, cast(null as varchar) as expected_ratio_name, 'saves nothing' as reason,
    20::bigint as query_count, 0::bigint as training_pair_count, 0.5::double as query_diversity_ratio,
    cast(null as double) as drift_ratio, cast(null as double) as expected_ratio, cast(null as double) as break_even_ratio,
    cast(null as double) as default_break_even_ratio, 0.0::double as latency_change_ms,
    0.0::double as implementation_person_days, 0.0::double as maintenance_person_days_per_month,
    cast(0 as decimal(18, 6)) as saving_usd_per_month, cast(0 as decimal(18, 6)) as low_saving_usd_per_month,
    cast(0 as decimal(18, 6)) as high_saving_usd_per_month, cast(0 as decimal(18, 6)) as upfront_cost_usd,
    cast(null as double) as break_even_weeks, false as is_measured, strategy = 'keep_as_is' as is_recommended,
    strategy = 'keep_as_is' as is_rule_of_thumb, false as differs_from_rule
from (values ('semantic_cache'), ('distillation'), ('cache_and_distillation'), ('keep_as_is')) as s(strategy);
"""

DECISIONS = """
create table marts.fct_decision_results as
select
    'd1' as decision_id, 'chat' as feature_id, 'routing_by_task_type' as lever, cast(null as varchar) as task_type,
    'o1' as opportunity_id, 'ann' as decider, 'shipped' as decision_status, status, 'generating_calls' as volume_basis,
    if(week is null, null, 7::bigint) as covered_day_count, 14::bigint as baseline_covered_day_count,
    14::bigint as volume_count, 28::bigint as baseline_volume_count, 0::bigint as other_decision_count,
    cast(usd as decimal(18, 6)) as actual_cost_usd, cast(usd + 6 as decimal(18, 6)) as counterfactual_cost_usd,
    cast(usd - usd + 6 as decimal(18, 6)) as realised_saving_usd,
    cast(usd - usd + 26.071429 as decimal(18, 6)) as realised_saving_usd_per_month,
    cast(30 as decimal(18, 6)) as expected_saving_usd_per_month, usd - usd + 0.87::double as realised_to_expected_ratio,
    cast(usd - usd as decimal(18, 6)) as price_change_cost_usd, usd - usd + 1::double as paid_price_ratio,
    cast(usd - usd as decimal(18, 6)) as uncompared_cost_usd, date '2025-05-01' as decision_date,
    date '2025-05-20' as shipped_date, week as week_start_date
from (values
    (date '2025-06-02', 'measured', 14.0::double), (date '2025-05-26', 'no_volume', null)
) as w(week, status, usd);

create table marts.rpt_sprints as
select
    if(day = '2025-05-19', 1, 0)::bigint as decision_count, false as is_without_decision, day = '2025-05-19' as is_finished,
    day as sprint_start_date, day + 13 as sprint_end_date
from (values (date '2025-05-19'), (date '2025-06-02')) as s(day);

create table marts.rpt_rollout_readiness as
select
    measure_name, 'step' as step, status, missing as what_is_missing, 'ann' as owner, 1::bigint as week_number,
    value, 1::double as target, $as_of as as_of_date
from (values
    ('attributed_cost_ratio', 'done', null, 1.0::double), ('shipped_decision_count', 'not_started', '0 have shipped', 0.0)
) as m(measure_name, status, missing, value);
"""


@cache
def _warehouse() -> Path:
    """Make the warehouse once a process; builds begin as copies of it."""
    folder = Path(tempfile.mkdtemp(prefix="ai-finops-tiny-marts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        for script in (DAYS, RAW, CALLS, COSTS, LEVELS, REVIEW, DECISIONS):
            for statement in script.split(";"):
                if statement.strip():
                    connection.execute(statement.replace("$as_of", f"date '{AS_OF}'"))
        _make_digest(connection)
        connection.execute("drop table days")
        _keep_contracts(connection)
    return folder / "warehouse.duckdb"


def make_build(settings: Settings, *, number: int = 1, as_of: date = AS_OF) -> dict[str, str]:
    """Make a prepared build whose marts are the tiny ones; return what `prepare` would."""
    build_id = f"{number:06d}-{as_of}-0123abcd"
    folder = settings.builds / build_id
    folder.mkdir(parents=True)
    shutil.copyfile(_warehouse(), folder / "warehouse.duckdb")
    record = {
        "build_id": build_id,
        "as_of_date": str(as_of),
        "built_at": f"2025-06-11T08:00:{number:02d}+00:00",
        "inputs_sha256": "0123abcd" * 8,
        "project_version": "0.1.0",
        "dbt_version": "1.11.16",
        "duckdb_version": duckdb.__version__,
    }
    write_periods(folder, [PricePeriod(FOREVER, None, "0.2.3-0123abcd.parquet")])
    (folder / "build.json").write_text(json.dumps(record))
    return find_build(settings, build_id)


def change(build: dict[str, str], *statements: str) -> None:
    """Seed a fault: run SQL on the candidate's warehouse."""
    with open_warehouse(Path(build["warehouse"])) as connection:
        for statement in statements:
            connection.execute(statement)


def keep_contracts(build: dict[str, str]) -> None:
    """Give columns that were made anew the types of their contracts."""
    with open_warehouse(Path(build["warehouse"])) as connection:
        _keep_contracts(connection)


def _keep_contracts(connection: duckdb.DuckDBPyConnection) -> None:
    """Give each column the type of its contract: a null says integer, and a sum says more digits than it has."""
    types = contract_types()
    for mart, column, data_type in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'marts'"
    ).fetchall():
        wanted = types[mart].get(column, data_type)
        if data_type != wanted:
            connection.execute(f'alter table marts.{mart} alter column "{column}" set data type {wanted}')


def _make_digest(connection: duckdb.DuckDBPyConnection) -> None:
    """Two weeks of the digest; columns that the audit does not look at are null."""
    known = {
        "week_start_date": "week",
        "total_cost_usd": "usd",
        "covered_day_count": "days",
        "not_compared_reason": "reason",
        "main_driver": "cast(null as varchar)",
        "top_feature_share_ratio": "8.0 / 11",
    }
    columns = ", ".join(f"{known.get(name, 'null')} as {name}" for name in READ_COLUMNS["rpt_weekly_digest"])
    connection.execute(
        f"""
        create table marts.rpt_weekly_digest as select {columns}
        from (values
            (date '2025-06-02', 19.25::decimal(18, 6), 7, 'no_earlier_week'),
            (date '2025-06-09', 5.5::decimal(18, 6), 2, 'other_day_count')
        ) as w(week, usd, days, reason)
        """
    )
