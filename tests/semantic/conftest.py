"""The tiny marts, published, with metrics of several kinds, and MetricFlow to ask about them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_finops.config import Settings
from ai_finops.publish import publish
from tests.publish.test_swap import pass_audit
from tests.quality.tiny_marts import change, make_build

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

# Two days of two weeks. On the second day of `b` nothing is known, so it is on neither side.
METRICS = """
insert into marts.fct_daily_metrics by name
select
    day::date as usage_date, feature_id, dimension, metric_name, numerator::double as numerator,
    denominator::double as denominator, 1::bigint as sample_count, 1::bigint as considered_count, 'watch' as status
from (values
    ('2025-06-08', 'total', 'task_type=chat', 'token_amplification', 30, 100),
    ('2025-06-09', 'total', 'task_type=chat', 'token_amplification', 10, 100),
    ('2025-06-09', 'total', 'task_type=extraction', 'token_amplification', 50, 200),
    ('2025-06-09', 'total', 'tier=cheap', 'routing_mix_call_ratio', 3, 4),
    ('2025-06-09', 'total', 'tier=expensive', 'routing_mix_call_ratio', 1, 4),
    ('2025-06-09', 'chat', 'tier=cheap', 'routing_mix_call_ratio', 2, 2),
    ('2025-06-09', 'search', 'tier=cheap', 'routing_mix_call_ratio', 1, 2),
    ('2025-06-09', 'search', 'tier=expensive', 'routing_mix_call_ratio', 1, 2),
    ('2025-06-09', 'total', 'tier=expensive', 'routing_mix_spend_ratio', 9, 10),
    ('2025-06-09', 'search', 'tier=expensive', 'routing_mix_spend_ratio', 4, 5),
    ('2025-06-09', 'total', 'evidence=citation', 'retrieval_hit_document_ratio', 6, 10),
    ('2025-06-09', 'total', 'evidence=overlap_estimate', 'retrieval_hit_document_ratio', 2, 8),
    ('2025-06-09', 'chat', 'evidence=citation', 'retrieval_hit_document_ratio', 6, 10),
    ('2025-06-09', 'search', 'evidence=citation', 'retrieval_hit_document_ratio', 3, 5),
    ('2025-06-09', 'chat', 'evidence=overlap_estimate', 'retrieval_hit_document_ratio', 2, 8),
    ('2025-06-09', 'total', 'evidence=citation', 'retrieval_hit_query_ratio', 2, 5),
    ('2025-06-09', 'chat', 'evidence=citation', 'retrieval_hit_query_ratio', 2, 4),
    ('2025-06-08', 'total', 'top_k=5', 'reranker_change_ratio', 1, 10),
    ('2025-06-09', 'total', 'top_k=5', 'reranker_change_ratio', 5, 10),
    ('2025-06-10', 'total', 'top_k=5', 'reranker_change_ratio', null, 80),
    ('2025-06-09', 'chat', 'top_k=5', 'reranker_change_ratio', 4, 5),
    ('2025-06-10', 'chat', 'top_k=5', 'reranker_change_ratio', null, 80),
    ('2025-06-09', 'total', 'all', 'prompt_cache_read_ratio', 25, 100),
    ('2025-06-09', 'chat', 'all', 'prompt_cache_read_ratio', 24, 96),
    ('2025-06-09', 'total', 'similarity=exact', 'cache_hit_ratio', 3, 10),
    ('2025-06-09', 'total', 'embedder=m similarity=0.92', 'cache_hit_ratio', 4, 10),
    ('2025-06-09', 'total', 'embedder=m similarity=0.85', 'cache_hit_ratio', 7, 10),
    ('2025-06-09', 'total', 'embedder=m similarity=0.92', 'cache_right_hit_ratio', 3.5, 10),
    ('2025-06-09', 'chat', 'similarity=exact', 'cache_hit_ratio', 2, 8),
    ('2025-06-09', 'chat', 'embedder=m similarity=0.92', 'cache_hit_ratio', 4, 8),
    ('2025-06-09', 'chat', 'embedder=m similarity=0.92', 'cache_right_hit_ratio', 3, 8),
    ('2025-06-09', 'total', 'window_s=300', 'repeated_query_ratio', 1, 20),
    ('2025-06-09', 'chat', 'window_s=300', 'repeated_query_ratio', 1, 16),
    ('2025-06-09', 'total', 'window_s=300', 'retried_call_ratio', 1, 50),
    ('2025-06-09', 'chat', 'window_s=300', 'retried_call_ratio', 1, 40),
    ('2025-06-09', 'total', 'all', 'routing_escalation_ratio', 1, 5),
    ('2025-06-09', 'total', 'task_type=chat', 'routing_escalation_ratio', 1, 1),
    ('2025-06-09', 'chat', 'all', 'routing_escalation_ratio', 1, 4)
) as m(day, feature_id, dimension, metric_name, numerator, denominator)
"""
WEEKLY_METRICS = """
insert into marts.fct_weekly_metrics by name
select
    date '2025-06-09' as week_start_date, feature_id, 'all' as dimension, metric_name, numerator::double as numerator,
    denominator::double as denominator, numerator / denominator as value, false as is_complete_week
from (values
    ('total', 'weekly_cost_to_projection_ratio', 11, 10),
    ('chat', 'weekly_cost_to_projection_ratio', 8, 5),
    ('search', 'weekly_cost_to_projection_ratio', 3, null),
    ('total', 'feature_cost_share_ratio', 6, 10),
    ('chat', 'feature_cost_share_ratio', 6, 10)
) as m(feature_id, metric_name, numerator, denominator)
"""
# What the tiny marts have none of: a tax, an estimate of usage, more traced than billed, traced without a bill that counts
# tokens and billed without a trace, calls of unknown cost and of unknown
# usage, users, a failure.
OTHERS = """
insert into marts.fct_daily_allocated_costs by name
select
    date '2025-06-10' as usage_date, 'tax' as charge_category, 'not_allocated' as feature_id, 'billed' as cost_status,
    5 as allocated_cost_usd, 2 as unknown_cost_call_count;

update marts.fct_daily_allocated_costs set cost_status = 'estimated'
where usage_date = '2025-06-10' and feature_id = 'chat';

insert into marts.fct_daily_reconciliations by name
select date '2025-06-10' as usage_date, 'tax' as charge_category, 5 as billed_cost_usd;

update marts.fct_daily_reconciliations set traced_tokens = 200 where usage_date = '2025-06-03';

insert into marts.fct_daily_reconciliations by name
select
    usage_date::date as usage_date, 'usage' as charge_category, billed as billed_tokens, traced as traced_tokens,
    0 as billed_cost_usd, 0 as allocated_cost_usd, 0 as unattributed_cost_usd
from (values ('2025-06-04', null, 1000), ('2025-06-04', 10, null)) as c(usage_date, billed, traced);

update marts.fct_llm_calls set allocated_cost_usd = null where usage_date = '2025-06-10' and feature_id = 'search';
update marts.fct_llm_calls set cost_reason = 'no_usage', input_tokens = null where call_id = 't101-s1';
update marts.fct_llm_calls set is_error = true, user_id = null, reasoning_output_tokens = 7 where call_id = 't102-s2';
update marts.fct_llm_calls
set user_id = 'v', cache_write_1h_input_tokens = null, cache_write_5m_input_tokens = 40, search_unit_count = 3
where call_id = 't091-s1'
"""


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Settings:
    """Settings whose published marts are the tiny ones and the rows above."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path_factory.mktemp("semantic") / "var")})
    build = make_build(settings)
    change(build, METRICS, WEEKLY_METRICS, OTHERS)
    pass_audit(build)
    publish(settings=settings, build=build)
    return settings


def ask(settings: Settings, queries: list[dict]) -> dict:
    """Return what tests.semantic.ask says to queries about the published marts."""
    environment = os.environ | {
        "AI_FINOPS_DBT_TARGET": "published",
        "AI_FINOPS_MARTS": str(settings.published / "current" / "marts.duckdb"),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_LOG_PATH": str(settings.home / "logs"),
        "DO_NOT_TRACK": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.semantic.ask"],
        cwd=PROJECT.parent,
        env=environment,
        input=json.dumps(queries),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])
