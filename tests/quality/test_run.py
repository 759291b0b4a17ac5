"""The audit lets a sound build through and names what is wrong with any other."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ai_finops.build.marts import MARTS
from ai_finops.errors import AuditFailed, PublishError
from ai_finops.publish import current_build, publish
from ai_finops.quality import audit
from ai_finops.quality.data_docs import kept_runs
from ai_finops.quality.gx import new_context
from ai_finops.quality.kinds import Kind
from ai_finops.quality.run import hold
from ai_finops.quality.site import without_foreign_parts
from ai_finops.quality.suites import all_checks
from tests.publish.test_swap import pass_audit
from tests.quality.faults import FAULTS as FAULTS_OF_EACH_KIND
from tests.quality.faults import catcher
from tests.quality.tiny_marts import LEVELS, change, keep_contracts, make_build

COPY_OF_ONE_CALL = "insert into marts.fct_llm_calls from marts.fct_llm_calls where call_id = 't051-s1'"

FAULTS = {
    "duplicate grain row": (
        (
            "insert into marts.fct_daily_feature_costs from marts.fct_daily_feature_costs "
            "where usage_date = '2025-06-05' and feature_id = 'chat'"
        ),
        [
            "fct_daily_feature_costs",
            "expect_compound_columns_to_be_unique(usage_date, feature_id)",
            "2 of 28",
        ],
    ),
    "a call twice": (
        COPY_OF_ONE_CALL,
        ["fct_llm_calls", "expect_column_values_to_be_in_set(repeated_call_count", "1 of 9"],
    ),
    "broken tie": (
        "update marts.fct_daily_reconciliations set unattributed_cost_usd = 0.24 where usage_date = '2025-06-05'",
        ["fct_daily_reconciliations", "untied_micro_usd", "(10000"],
    ),
    "allocated more than billed": (
        (
            "update marts.fct_daily_allocated_costs set allocated_cost_usd = 0.250001 "
            "where usage_date = '2025-06-05' and feature_id = 'unattributed'"
        ),
        ["fct_daily_allocated_costs__against_bill", "difference_micro_usd", "1 of 9 rows (1"],
    ),
    "charged to another account": (
        (
            "update marts.fct_daily_allocated_costs set billing_account_id = '444455556666' "
            "where usage_date = '2025-06-05' and feature_id = 'unattributed'"
        ),
        ["fct_daily_allocated_costs__against_bill", "fct_daily_allocated_costs__against_lines", "2 of 10 rows"],
    ),
    "charged to another model": (
        (
            "update marts.fct_daily_allocated_costs set model_id = 'n' "
            "where usage_date = '2025-06-05' and feature_id = 'unattributed'"
        ),
        ["fct_daily_allocated_costs__against_bill", "2 of 10 rows"],
    ),
    "bill line lost on the way": (
        (
            "insert into intermediate.int_bill_lines_unioned "
            "select '2025-06-05', '2025-06', 'aws.bedrock', '111122223333', 'aws_cur', 0.010001 /* fct_daily_allocated_costs */"
        ),
        ["fct_daily_allocated_costs__against_lines", "(-10001)"],
    ),
    "missing day of calls": (
        "delete from marts.fct_llm_calls where usage_date = '2025-06-06'",
        ["fct_llm_calls__by_day", "lost_trace_count, in [0]", "1 of 9 rows (3"],
    ),
    "missing day of costs": (
        "delete from marts.fct_daily_feature_costs where usage_date = '2025-06-06'",
        ["fct_daily_feature_costs__days", "row_count"],
    ),
    "NULL cost without reason": (
        "update marts.fct_llm_calls set estimated_cost_usd = null where call_id = 't051-s1'",
        ["fct_llm_calls", "unexplained_cost_count", "1 of 9 rows (1"],
    ),
    "zero cost without reason": (
        "update marts.fct_llm_calls set estimated_cost_usd = 0 where call_id = 't051-s1'",
        ["unexplained_cost_count"],
    ),
    "day from the future": (
        "update marts.fct_daily_allocated_costs set usage_date = '2025-06-11' where usage_date = '2025-06-10'",
        ["fct_daily_allocated_costs__watched", "(ahead)"],
    ),
    "shifted date": (
        "update marts.fct_llm_calls set usage_date = usage_date - 1 where usage_date = '2025-06-05'",
        ["shifted_call_count"],
    ),
    "renamed column": (
        "alter table marts.fct_daily_feature_costs rename owner to contact",
        ["fct_daily_feature_costs", "expect_table_columns_to_match_set", "missing owner"],
    ),
    "renamed column that a check needs": (
        "alter table marts.fct_llm_calls rename cost_reason to reason",
        ["fct_llm_calls__by_day", "cost_reason"],
    ),
    "backtest whose error is another": (
        "update marts.fct_projection_backtests set absolute_error_usd = 2 where method = 'mean_7d'",
        ["fct_projection_backtests", "broken_error_count", "1 of 2 rows"],
    ),
    "backtest scored before its days have passed": (
        "update marts.fct_projection_backtests set last_target_date = '2025-06-11' where method = 'mean_7d'",
        ["fct_projection_backtests", "misplaced_origin_count", "1 of 2 rows"],
    ),
    "backtest without a method in use": (
        "update marts.fct_projection_backtests set is_method_in_use = false",
        ["fct_projection_backtests", "method_in_use_count", "2 of 2 rows"],
    ),
    "error of other origins than were in use": (
        "update marts.fct_projection_errors set origin_count = 2",
        ["fct_projection_errors", "lost_origin_count", "1 of 2 rows"],
    ),
    "error in use of a method that is not": (
        "update marts.fct_projection_errors set method_in_use = 'mean_7d'",
        ["fct_projection_errors", "broken_status_count", "1 of 2 rows"],
    ),
    "month that is cheaper than what it has cost": (
        "update marts.fct_cost_projections set low_cost_usd = 20 where target_period = 'month'",
        ["fct_cost_projections", "low_to_come_cost_usd"],
    ),
    "projection without a figure or a reason": (
        "update marts.fct_cost_projections set projected_cost_usd = null where target_period = 'month'",
        ["fct_cost_projections", "broken_range_count"],
    ),
    "projection that hides its error": (
        "update marts.fct_cost_projections set wape_ratio = null where target_period = 'day'",
        ["fct_cost_projections", "unexplained_error_count"],
    ),
    "plan that saves": (
        "update marts.fct_cost_projections set projected_cost_usd = 2.7, low_cost_usd = 2 where scenario like '%planned%'",
        ["fct_cost_projections__scenarios", "wrong_way_count"],
    ),
    "plans as known later": (
        "update marts.fct_cost_projections set is_backcast = true where scenario = 'with_open_decisions'",
        ["fct_cost_projections__scenarios", "backcast_count"],
    ),
    "multiplier without a measurement": (
        "update marts.rpt_planned_features set realised_multiplier = 2",
        ["rpt_planned_features", "unexplained_multiplier_count"],
    ),
    "applied plan without a cost": (
        "update marts.rpt_planned_features set extra_cost_usd = null",
        ["rpt_planned_features", "unexplained_extra_count"],
    ),
    "budget that is kept and exceeded": (
        "update marts.rpt_budgets set status = 'within'",
        ["rpt_budgets", "unexplained_status_count"],
    ),
    "day of a budget outside of its range": (
        "update marts.rpt_budgets set earliest_exceeded_date = '2025-06-21'",
        ["rpt_budgets", "broken_range_count"],
    ),
    "lost mart": ("drop table marts.fct_cost_projections", ["fct_cost_projections", "does not exist"]),
    "empty mart": (
        "delete from marts.fct_daily_metrics",
        ["(empty)", "no row, and calls generate"],
    ),
    "unknown attribution": (
        "update marts.fct_daily_allocated_costs set attribution = 'guess' where usage_date = '2025-06-05'",
        ["expect_column_values_to_be_in_set(attribution", "guess"],
    ),
    "model lost from the API costs": (
        "delete from marts.rpt_daily_api_costs where usage_date = '2025-06-05'",
        ["rpt_daily_api_costs__against_allocated", "difference_micro_usd", "(-2750000)"],
    ),
    "service counted twice": (
        (
            "insert into marts.rpt_daily_service_costs select * replace ('copy' as service_name) "
            "from marts.rpt_daily_service_costs where usage_date = '2025-06-05' and service_name = 'support-api'"
        ),
        ["rpt_daily_service_costs__against_allocated", "(2500000)", "difference_request_count"],
    ),
    "pipeline cost shifted a day": (
        "update marts.rpt_daily_pipeline_costs set usage_date = usage_date - 1 where usage_date = '2025-06-03'",
        ["rpt_daily_pipeline_costs__against_allocated", "2 of 9 rows"],
    ),
    "feature lost from its value": (
        "delete from marts.rpt_feature_value where feature_id = 'search'",
        ["rpt_feature_value__against_allocated", "(-4500000)"],
    ),
    "price difference without a reason": (
        "update marts.fct_daily_price_differences set reason = 'guess' where usage_date = '2025-06-05'",
        ["fct_daily_price_differences", "guess"],
    ),
    "journeys without a name": (
        "update marts.rpt_journey_costs set journey_name = null",
        ["rpt_journey_costs", "journey_name"],
    ),
    "journeys that lost calls": (
        "update marts.rpt_journey_costs set request_count = 24",
        ["rpt_journey_costs__against_calls", "difference_request_count", "(-3"],
    ),
    "coverage of less than was billed": (
        "update marts.rpt_instrumentation_coverage set billed_cost_usd = 0 where service_name = 'unknown'",
        ["rpt_instrumentation_coverage__against_allocated", "(-2250000)"],
    ),
    "week of other sums than its days": (
        "update marts.fct_weekly_metrics set numerator = 701 where week_start_date = '2025-06-02'",
        ["fct_weekly_metrics__against_days", "other_sum_count", "1 of 2 rows (1)"],
    ),
    "week lost from the metrics": (
        "delete from marts.fct_weekly_metrics where week_start_date = '2025-06-09'",
        ["fct_weekly_metrics__against_days", "other_sum_count", "1 of 2 rows (1)"],
    ),
    "warning that is nobody's": (
        "update marts.fct_weekly_metrics set status = 'warning', owner = null where week_start_date = '2025-06-02'",
        ["fct_weekly_metrics", "ownerless_warning_count"],
    ),
    "healthy without a value": (
        "update marts.fct_weekly_metrics set value = null where week_start_date = '2025-06-02'",
        ["fct_weekly_metrics", "unexplained_value_count"],
    ),
    "movement without a comparison": (
        "update marts.fct_weekly_metrics set value_change = 0.1 where week_start_date = '2025-06-02'",
        ["fct_weekly_metrics", "unexplained_trend_count"],
    ),
    "half a week locked": (
        "update marts.fct_weekly_metrics set verdict = 'locked'",
        ["fct_weekly_metrics", "unfounded_verdict_count", "1 of 2 rows (1)"],
    ),
    "more changed than compared": (
        "update marts.rpt_weekly_rerankers set changed_count = 11",
        ["rpt_weekly_rerankers", "broken_part_count"],
    ),
    "rerankers at another cost than their calls": (
        "update marts.rpt_weekly_rerankers set allocated_cost_usd = 10.000001 where feature_id = 'total'",
        ["rpt_weekly_rerankers__against_calls", "difference_micro_usd", "1 of 2 rows (1)"],
    ),
    "a rerank lost from its week": (
        "update marts.rpt_weekly_rerankers set rerank_count = 9, compared_count = 9, allocated_cost_usd = null",
        ["rpt_weekly_rerankers__against_calls", "difference_rerank_count", "2 of 2 rows (-1, -1)"],
    ),
    "a price difference of another cell": (
        "update marts.fct_daily_price_differences set billed_cost_usd = 2.750001 where usage_date = '2025-06-05'",
        ["fct_daily_price_differences__against_cells", "difference_micro_usd", "1 of 9 rows (1)"],
    ),
    "unused context beside another metric": (
        (
            "insert into marts.fct_daily_metrics by name select * replace ('unused_document_cost_ratio' as metric_name, "
            "'evidence=citation' as dimension, 0.029998 as numerator) from marts.fct_daily_metrics "
            "where usage_date = '2025-06-05' /* rpt_unused_context */"
        ),
        ["rpt_unused_context__against_metrics", "difference_micro_usd", "1 of 1 rows (2)"],
    ),
    "a strategy that saves more than its lever": (
        ("update marts.fct_savings_opportunities set lever = 'semantic_cache' /* rpt_caching_vs_distillation */"),
        ["rpt_caching_vs_distillation__against_opportunities", "other_saving_count", "1 of 1 rows (1)"],
    ),
    "a projection that does not begin with what is spent": (
        (
            "update marts.fct_cost_projections set actual_cost_usd = 24.750001, low_cost_usd = 79 "
            "where target_period = 'month'"
        ),
        ["fct_cost_projections__against_costs", "difference_micro_usd", "1 of 1 rows (1)"],
    ),
    "curve that falls as less likeness is asked": (
        "update marts.fct_daily_cache_opportunities set hit_count = 0 where usage_date = '2025-06-05' and similarity = 0.9",
        ["fct_daily_cache_opportunities", "falling_curve_count"],
    ),
    "more hits than queries": (
        "update marts.fct_daily_cache_opportunities set hit_count = 3 where usage_date = '2025-06-05'",
        ["fct_daily_cache_opportunities", "impossible_hit_count"],
    ),
    "saving outside of its range": (
        "update marts.fct_daily_cache_opportunities set low_saved_cost_usd = 2 where usage_date = '2025-06-05'",
        ["fct_daily_cache_opportunities", "broken_range_count"],
    ),
    "saving that nobody calibrated": (
        "update marts.fct_daily_cache_opportunities set is_calibrated = false where usage_date = '2025-06-05'",
        ["fct_daily_cache_opportunities", "broken_range_count"],
    ),
    "more unused than there is": (
        "update marts.rpt_unused_context set unused_tokens = 1001 where usage_date = '2025-06-05'",
        ["rpt_unused_context", "broken_part_count"],
    ),
    "unused context that does not say how it is known": (
        "update marts.rpt_unused_context set validation = null where usage_date = '2025-06-05'",
        ["rpt_unused_context", "validation"],
    ),
    "two strategies recommended for a feature": (
        "update marts.rpt_caching_vs_distillation set is_recommended = true where strategy = 'distillation'",
        ["rpt_caching_vs_distillation", "ambiguous_row_count"],
    ),
    "a strategy's saving outside its range": (
        "update marts.rpt_caching_vs_distillation set high_saving_usd_per_month = -1 where strategy = 'distillation'",
        ["rpt_caching_vs_distillation", "broken_range_count"],
    ),
    "drivers that do not add up": (
        "update marts.fct_cost_drivers set contribution_cost_usd = -2.499999 where feature_id = 'search'",
        ["fct_cost_drivers__against_change", "unexplained_micro_usd", "(1)"],
    ),
    "anomaly that its drivers do not add up to": (
        "update marts.fct_cost_anomaly_drivers set contribution_cost_usd = 1.499999",
        ["fct_cost_anomaly_drivers__against_excess", "(-1)"],
    ),
    "drivers of a day that is no anomaly": (
        "insert into marts.fct_cost_anomaly_drivers values ('2025-06-09', 'chat', 'volume', 'd', 1)",
        ["fct_cost_anomaly_drivers__against_excess", "(1000000)"],
    ),
    "anomaly without an alert": (
        (
            "update marts.fct_daily_cost_baselines set is_anomaly = true, status = 'spike', excess_cost_usd = 1, "
            "baseline_cost_usd = 1 where feature_id = 'chat' and usage_date = '2025-06-09'"
        ),
        ["fct_cost_anomalies", "other_verdict_count"],
    ),
    "anomaly below its baseline": (
        "update marts.fct_daily_cost_baselines set excess_cost_usd = -1, baseline_cost_usd = 3 where is_anomaly",
        ["fct_daily_cost_baselines", "broken_verdict_count"],
    ),
    "verdict without a baseline": (
        "update marts.fct_daily_cost_baselines set status = 'normal' where usage_date = '2025-06-02'",
        ["fct_daily_cost_baselines", "broken_verdict_count", "3 of 27"],
    ),
    "baseline beside another cost": (
        (
            "update marts.fct_daily_cost_baselines set allocated_cost_usd = 2.000001, excess_cost_usd = 0.000001 "
            "where feature_id = 'chat' and usage_date = '2025-06-07'"
        ),
        ["fct_daily_cost_baselines__against_costs", "(1)"],
    ),
    "digest of another total": (
        "update marts.rpt_weekly_digest set total_cost_usd = 20 where week_start_date = '2025-06-02'",
        ["rpt_weekly_digest__against_costs"],
    ),
    "digest that lost its total": (
        "update marts.rpt_weekly_digest set total_cost_usd = null where week_start_date = '2025-06-02'",
        ["rpt_weekly_digest__against_costs", "(-19250000"],
    ),
    "week not compared for no reason": (
        "update marts.rpt_weekly_digest set not_compared_reason = null where week_start_date = '2025-06-09'",
        ["rpt_weekly_digest", "unexplained_comparison_count", "1 of 2 rows (1)"],
    ),
    "cause of a week that cannot be compared": (
        "update marts.rpt_weekly_digest set main_driver = 'volume' where week_start_date = '2025-06-09'",
        ["rpt_weekly_digest", "unfounded_driver_count", "1 of 2 rows (1)"],
    ),
    "saving that is no difference": (
        "update marts.fct_decision_results set realised_saving_usd = 6.000002 where status = 'measured'",
        ["fct_decision_results", "difference_micro_usd", "(-2)"],
    ),
    "saving of a week that is not measured": (
        "update marts.fct_decision_results set status = 'no_volume'",
        ["fct_decision_results", "unexplained_saving_count", "1 of 2 rows (1)"],
    ),
    "week before it shipped": (
        "update marts.fct_decision_results set shipped_date = '2025-06-02' where status = 'measured'",
        ["fct_decision_results", "early_week_count", "1 of 2 rows (1)"],
    ),
    "sprint that runs without a decision": (
        "update marts.rpt_sprints set is_without_decision = true where not is_finished",
        ["rpt_sprints", "broken_verdict_count", "1 of 2 rows (1)"],
    ),
    "sprints that overlap": (
        "update marts.rpt_sprints set sprint_end_date = '2025-06-02' where is_finished",
        ["rpt_sprints", "overlapping_count"],
    ),
    "step that does not say what is missing": (
        "update marts.rpt_rollout_readiness set what_is_missing = null",
        ["rpt_rollout_readiness", "unexplained_status_count", "1 of 2 rows (1)"],
    ),
    "decision without a span": (
        "update marts.fct_daily_routing_decisions set decision_count = 2 where usage_date = '2025-06-05'",
        ["fct_daily_routing_decisions__against_spans", "lost_decision_count", "(-1)"],
    ),
    "more escalations than could be": (
        "update marts.fct_daily_routing_decisions set unknown_escalation_count = 1 where usage_date = '2025-06-05'",
        ["fct_daily_routing_decisions", "impossible_count", "1 of 9 rows (1)"],
    ),
    "saving that is no difference of costs": (
        "update marts.fct_daily_routing_decisions set saved_cost_usd = 0.1 where usage_date = '2025-06-05'",
        ["fct_daily_routing_decisions", "broken_saving_count", "1 of 9 rows (1)"],
    ),
    "unknown costs that save nothing": (
        "update marts.fct_daily_routing_decisions set unknown_cost_count = 1 where usage_date = '2025-06-05'",
        ["fct_daily_routing_decisions", "broken_saving_count", "1 of 9 rows (1)"],
    ),
    "unaccounted records": (
        "update marts.fct_daily_extract_outcomes set loaded_count = 2 where landing_date = '2025-06-05'",
        ["fct_daily_extract_outcomes", "unaccounted_count", "3 of 27"],
    ),
    "a day left out of the list": (
        "delete from marts.dim_days where usage_date = '2025-06-05'",
        [
            "dim_days",
            "skipped_day_count",
            "dim_days__against_costs",
            "2025-06-05 has costs and is not among the days from 2025-06-02 to 2025-06-10",
        ],
    ),
    "a day further back than days are listed": (
        (
            "insert into marts.fct_daily_allocated_costs select * replace (date '1751-08-25' as usage_date) "
            "from marts.fct_daily_allocated_costs where usage_date = '2025-06-05' /* dim_days */"
        ),
        ["1751-08-25 has costs and lies 100,000 days or more before 2025-06-10; days are listed no further back"],
    ),
    "a day in another week": (
        "update marts.dim_days set week_start_date = '2025-06-09' where usage_date = '2025-06-08'",
        ["dim_days", "misplaced_day_count", "1 of 9"],
    ),
}


@pytest.fixture
def context(tmp_path):
    return new_context(tmp_path / "site")


def test_sound_build_passes(settings):
    build = make_build(settings)
    audited = audit(settings=settings, build=build)
    assert audited["warnings"] == []
    assert audited["expectation_count"] > 80
    verdict = json.loads(Path(build["build_dir"], "audit.json").read_text())
    assert verdict["is_passed"] is True
    assert verdict["audited_at"] == kept_runs(settings)[0].audited_at


def test_data_docs_are_a_site_that_needs_no_network(settings):
    build = make_build(settings)
    change(build, "update marts.fct_daily_feature_costs set cost_status = '<script>' where usage_date = '2025-06-05'")
    with pytest.raises(AuditFailed):
        audit(settings=settings, build=build)
    site = settings.home / "data_docs" / build["build_id"]
    index = (site / "index.html").read_text()
    assert build["build_id"] in index
    assert "&lt;script&gt;" in index
    assert "<script>" not in index
    links = re.findall('href="(validations/[^"]+)"', index)
    assert len(links) == len(all_checks())
    for link in links:
        assert "Evaluated Expectations" in (site / link).read_text()
    pages = list(site.resolve().rglob("*.html"))
    assert len(pages) > len(links)
    for page in pages:
        assert fetched_from_elsewhere(page.read_text()) == [], page
    # Style sheets come as files of their own too.
    for sheet in site.resolve().rglob("*.css"):
        assert fetched_from_elsewhere(f"<style>{sheet.read_text()}</style>") == [], sheet


FETCHES = {
    "background": "<style>.logo { background: url('https://elsewhere.example/logo.png') }</style>",
    "unquoted background": "<p style='background: URL( //elsewhere.example/logo.png )'>text</p>",
    "imported style sheet": '<style>@import "https://elsewhere.example/page.css";</style>',
    "script with a body": '<script async src="https://elsewhere.example/page.js">start()</script>',
    "unquoted script": "<script src=//elsewhere.example/page.js></script>",
    "style sheet": '<link rel="stylesheet"\n  href="https://elsewhere.example/page.css"/>',
    "image": '<img alt="a > b" src="http://elsewhere.example/dot.gif">',
    "source set": '<img srcset="near.png 1x, https://elsewhere.example/far.png 2x">',
    "frame": '<iframe src="https://elsewhere.example/"></iframe>',
    "vector image": '<svg><use xlink:href="https://elsewhere.example/icons.svg#one"/></svg>',
    "object": '<object data="https://elsewhere.example/thing"></object>',
    "poster": '<video poster="https://elsewhere.example/frame.png"></video>',
    "form": '<form action="https://elsewhere.example/subscribe"></form>',
    "ping": '<a href="page.html" ping="https://elsewhere.example/seen">text</a>',
    "base": '<base href="https://elsewhere.example/">',
    "refresh": '<meta http-equiv="refresh" content="0; url=https://elsewhere.example/">',
}


@pytest.mark.parametrize("kind", FETCHES)
def test_nothing_is_fetched_from_another_host(kind):
    assert fetched_from_elsewhere(FETCHES[kind]) != []
    text = without_foreign_parts(f"<p>before</p>{FETCHES[kind]}<p>after</p>")
    assert fetched_from_elsewhere(text) == []
    assert text.startswith("<p>before</p>") and text.endswith("<p>after</p>")


@pytest.mark.parametrize(
    "text",
    [
        '<a class="nav-link" href="https://docs.example/expectations">read about it</a>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg><link rel="icon" href="../static/icon.ico">',
        "<p title='a // b'><br/>1 < 2 and 3 > 2</p>",
        "<p>observed https://docs.example/model and url(https://docs.example/model)</p>",
        '<img src="data:image/png;base64,AAAA"><style>p { background: url(data:image/png;base64,AAAA) }</style>',
    ],
)
def test_what_a_reader_clicks_or_reads_stays(text):
    assert without_foreign_parts(text) == text
    assert fetched_from_elsewhere(text) == []


def _is_tie(check, mart):
    return mart in check.sql and not check.name.endswith("__watched")


@pytest.mark.parametrize("fault", FAULTS)
def test_seeded_fault_is_named(settings, context, fault):
    statement, words = FAULTS[fault]
    build = make_build(settings)
    change(build, statement)
    mart = next(mart for mart in MARTS if mart in statement)
    checks = [check for check in all_checks() if (mart in check.sql and check.mart == mart) or _is_tie(check, mart)]
    broken = [found for held in hold(checks, build=build, context=context) for found in held.broken]
    assert {found.severity for found in broken} >= {"fail"}
    assert all(any(word in str(found) for found in broken) for word in words), [str(found) for found in broken]


STOPPED = {
    "schema": "a column lost",
    "volume": "a day of costs dropped",
    "freshness": "the newest day dropped",
    "drift": "a currency not converted",
    "grain": "rows doubled",
    "references": "advice that is no opportunity",
    "sums": "spent of a budget halved",
    "values": "negative tokens",
    "distribution": "a bill in cents",
}
"""A fault of each kind, of `faults.FAULTS`."""


def test_a_fault_of_each_kind_is_stopped():
    assert set(STOPPED) == set(Kind)


# A whole audit each; that each kind is found is a matter of `test_seeded_fault_is_named`.
_TOGETHER, _ALONE = "sums values", ("schema", "references")


@pytest.mark.parametrize(
    "kinds",
    [
        _TOGETHER,
        *_ALONE,
        *(pytest.param(kind, marks=pytest.mark.long) for kind in STOPPED if kind not in (*_TOGETHER.split(), *_ALONE)),
    ],
)
def test_fault_stops_the_build_and_published_stays(settings, kinds):
    sound = make_build(settings)
    pass_audit(sound)
    publish(settings=settings, build=sound)
    before = content_of(settings)

    build = make_build(settings, number=2)
    names = [STOPPED[kind] for kind in kinds.split()]
    seeded = [fault for fault in FAULTS_OF_EACH_KIND if fault.name in names]
    change(build, *(statement for fault in seeded for statement in fault.statements))
    with pytest.raises(AuditFailed) as caught:
        audit(settings=settings, build=build)

    named = [catcher(fault, caught.value.broken) for fault in seeded]
    assert sorted(found.kind for found in named) == kinds.split()
    assert {found.severity for found in caught.value.broken} == {"fail"}
    assert str(caught.value.broken[0]) in str(caught.value)
    assert "data_docs" in str(caught.value)
    assert (settings.home / "data_docs" / build["build_id"] / "index.html").exists()
    with pytest.raises(PublishError, match="did not pass its audit"):
        publish(settings=settings, build=build)
    assert content_of(settings) == before


def test_two_faults_are_both_named(settings):
    build = make_build(settings)
    change(
        build,
        FAULTS["broken tie"][0],
        FAULTS["unknown attribution"][0].replace("attribution = 'guess'", "cost_status = 'guess'"),
    )
    with pytest.raises(AuditFailed, match="broke 3 expectations") as caught:
        audit(settings=settings, build=build)
    # What stays unattributed is held in the cell and in the costs.
    assert [broken.check for broken in caught.value.broken] == [
        "fct_daily_allocated_costs",
        "fct_daily_allocated_costs__against_unattributed",
        "fct_daily_reconciliations",
    ]


def test_a_week_of_which_no_cost_is_known_stops_nothing(settings):
    # A late call without usage, of the Sunday before the first landing.
    build = make_build(settings)
    change(
        build,
        "insert into marts.fct_daily_feature_costs select * replace (date '2025-06-01' as usage_date, "
        "null as allocated_cost_usd) from marts.fct_daily_feature_costs "
        "where usage_date = '2025-06-02' and feature_id = 'chat'",
        "insert into marts.fct_daily_allocated_costs select * replace (date '2025-06-01' as usage_date, "
        "null as allocated_cost_usd, 'no_usage' as unattributed_reason) from marts.fct_daily_allocated_costs "
        "where usage_date = '2025-06-02' and feature_id = 'chat'",
        "insert into marts.fct_cost_drivers values ('2025-06-02', 'chat', 'volume', 'from nothing known', 19.25, false)",
        "insert into marts.dim_days values (false, '2025-06-01', '2025-05-26', '2025-06-01')",
        "insert into marts.rpt_weekly_digest select * replace (date '2025-05-26' as week_start_date, "
        "null as total_cost_usd, 0 as covered_day_count) from marts.rpt_weekly_digest "
        "where week_start_date = '2025-06-02'",
        *LEVELS.split(";")[:-1],
    )
    keep_contracts(build)
    audit_and_publish(settings, build)


def test_warnings_do_not_stop_a_build(settings):
    build = make_build(settings)
    change(build, "update marts.fct_daily_extract_outcomes set status = 'missing' where landing_date = '2025-06-10'")
    audited = audit(settings=settings, build=build)
    assert len(audited["warnings"]) == 1
    assert "fct_daily_extract_outcomes" in audited["warnings"][0]
    assert "missing" in audited["warnings"][0]
    assert publish(settings=settings, build=build)["build_id"] == build["build_id"]


@pytest.mark.parametrize(
    ("mart", "changed"),
    [
        ("rpt_budgets", "actual_cost_usd = null"),  # not known
        ("rpt_budgets", "month_number = 1, actual_cost_usd = 0"),
        ("fct_cost_projections", "as_of_date = '2025-06-09'"),  # said on another day, before the bill settled
        ("rpt_weekly_rerankers", "allocated_cost_usd = null"),
    ],
)
def test_what_is_not_known_or_of_another_day_ties_to_nothing(settings, context, mart, changed):
    build = make_build(settings)
    change(build, f"update marts.{mart} set {changed}")
    checks = [check for check in all_checks() if check.mart == mart and "__against_" in check.name]
    assert [held.broken for held in hold(checks, build=build, context=context)] == [()]


@pytest.mark.parametrize(("spent", "fail_count"), [("0", 0), ("0.000001", 1)])
def test_on_the_first_of_a_month_nothing_is_spent(settings, context, spent, fail_count):
    build = make_build(settings) | {"as_of_date": "2025-07-01"}
    change(build, f"update marts.rpt_budgets set as_of_date = '2025-07-01', actual_cost_usd = {spent}")
    checks = [check for check in all_checks() if check.name == "rpt_budgets__against_costs"]
    (held,) = hold(checks, build=build, context=context)
    assert len(held.broken) == fail_count


def estimate(estimated_cost_usd, error_pct, *, settled="true"):
    return (
        f"update marts.fct_daily_reconciliations set estimated_cost_usd = {estimated_cost_usd}, error_pct = {error_pct}, "
        f"is_settled = {settled} where usage_date = '2025-06-05'"
    )


def test_an_estimate_far_above_the_bill_warns_of_day_model_and_account(settings):
    # Calls counted twice: $5.00 for the $2.50 of the bill that they cover.
    build = make_build(settings)
    change(build, estimate(5, 100), estimate(10, 300).replace("06-05", "06-06"))
    (warning,) = audit(settings=settings, build=build)["warnings"]
    assert "fct_daily_reconciliations__estimate_errors" in warning
    # The dearest comes first.
    assert warning.endswith(
        "2 of 2 rows (m output of account 111122223333 on 2025-06-06: estimated $10.00 for $2.50 of the bill, 300 % over, "
        "m output of account 111122223333 on 2025-06-05: estimated $5.00 for $2.50 of the bill, 100 % over)"
    )


@pytest.mark.parametrize(
    ("estimated_cost_usd", "error_pct", "warning_count"),
    [
        (5, 25, 0),  # $1.00 over the bill's $4.00
        (5.01, 25.25, 1),
        (5, 25.000001, 1),
        (2, 99.99, 0),  # less than $1.00 over the bill's $1.00
        (2, 100, 1),
        (0, -100, 0),
        (1, "null", 0),
    ],
)
def test_an_estimate_may_be_above_the_bill_by_a_quarter_or_by_cents(
    settings, context, estimated_cost_usd, error_pct, warning_count
):
    build = make_build(settings)
    change(build, estimate(estimated_cost_usd, error_pct))
    assert len(estimate_errors(build, context)) == warning_count


@pytest.mark.parametrize(
    ("settled", "is_frozen", "warning_count"), [("false", None, 0), ("true", True, 0), ("true", False, 1)]
)
def test_an_estimate_of_a_day_or_month_that_is_not_open_warns_of_nothing(
    settings, context, settled, is_frozen, warning_count
):
    build = make_build(settings)
    change(build, estimate(5, 100, settled=settled))
    if is_frozen is not None:
        change(
            build,
            "insert into raw.closed_periods values "
            f"('aws.bedrock', '111122223333', '2025-06-01', '2025-07-20', 'by hand', 1, {is_frozen})",
        )
    assert len(estimate_errors(build, context)) == warning_count


@pytest.mark.parametrize(("as_of_date", "warning_count"), [("2025-07-10", 1), ("2025-07-11", 0)])
def test_an_estimate_is_told_of_for_five_weeks(settings, context, as_of_date, warning_count):
    # Of providers without a closing rule months stay open.
    build = make_build(settings) | {"as_of_date": as_of_date}
    change(build, estimate(5, 100))
    assert len(estimate_errors(build, context)) == warning_count


@pytest.mark.parametrize("bound_name", ["largest_estimate_error_pct", "smallest_estimate_error_cost_usd"])
def test_a_bound_that_the_seed_does_not_name_fails(settings, context, bound_name):
    build = make_build(settings)
    change(build, f"delete from seeds.reporting_bounds where bound_name = '{bound_name}'")
    (broken,) = estimate_errors(build, context)
    assert broken.severity == "fail"
    assert f"seed reporting_bounds names no {bound_name}" in broken.observed


def estimate_errors(build, context):
    checks = [check for check in all_checks() if check.name == "fct_daily_reconciliations__estimate_errors"]
    (held,) = hold(checks, build=build, context=context)
    return held.broken


def silence(days, *, source="billing"):
    return (
        "update marts.fct_daily_extract_outcomes set status = 'empty', read_count = 0, loaded_count = 0, ignored_count = 0, "
        f"quarantined_count = 0 where source = '{source}' and landing_date in {tuple(f'2025-06-{day:02d}' for day in days)}"
    )


@pytest.mark.parametrize(("days", "first_day"), [((8, 9, 10), 9), ((9, 10), 9), ((10, 10), 10), ((2, 10), 10)])
def test_a_feed_that_is_silent_after_a_week_of_workdays_warns(settings, context, days, first_day):
    build = make_build(settings)
    change(build, silence(days))
    (warning,) = warnings_of(build, context, "fct_daily_extract_outcomes")
    assert f"billing: nothing on 2025-06-{first_day:02d} nor since" in warning


@pytest.mark.parametrize("days", [(3, 4), (5, 10), (2, 3), (7, 8)])
def test_a_pause_after_less_than_a_week_or_before_today_is_no_silence(settings, context, days):
    build = make_build(settings)
    change(build, silence(days))
    assert warnings_of(build, context, "fct_daily_extract_outcomes") == []


def test_a_source_that_never_spoke_is_no_silence(settings, context):
    build = make_build(settings)
    change(build, silence(range(2, 11)))
    assert warnings_of(build, context, "fct_daily_extract_outcomes") == []


@pytest.mark.parametrize(
    ("mart", "as_of_date", "warning_count"),
    [
        ("fct_llm_calls", "2025-06-11", 0),
        ("fct_llm_calls", "2025-06-12", 1),
        # A bill may be three days late, and without calls a day costs nothing before.
        ("fct_daily_feature_costs", "2025-06-14", 0),
        ("fct_daily_feature_costs", "2025-06-15", 1),
    ],
)
def test_quiet_last_day_warns(settings, context, mart, as_of_date, warning_count):
    build = make_build(settings) | {"as_of_date": as_of_date}
    warnings = warnings_of(build, context, mart)
    assert len(warnings) == warning_count
    assert all("nothing on 2025-06-11 nor since, the last is of 2025-06-10" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("mart", "column", "last_told", "first_untold"),
    [
        ("rpt_weekly_digest", "top_feature_share_ratio", "2025-06-16", "2025-06-24"),
        ("rpt_feature_value", "cost_share_ratio", "2025-07-31", "2025-08-01"),
    ],
)
def test_a_share_that_a_refund_made_more_than_one_is_no_news_for_ever(settings, mart, column, last_told, first_untold):
    build = make_build(settings)
    change(build, f"update marts.{mart} set {column} = 1.5")
    for as_of_date, broken_count in ((last_told, 1), (first_untold, 0)):
        checks = [check for check in all_checks() if check.name == mart]
        (held,) = hold(
            checks, build=build | {"as_of_date": as_of_date}, context=new_context(settings.home / as_of_date)
        )
        assert [found.severity for found in held.broken] == ["warn"] * broken_count


@pytest.mark.parametrize(
    ("mart", "changed", "last_told", "first_untold"),
    [
        (
            "fct_decision_results",
            "opportunity_id = 'o9', decision_date = '2025-06-11'",  # mistyped in the seed
            "2025-06-25",
            "2025-06-26",
        ),
        ("fct_daily_cache_opportunities", "feature_id = 'gone'", "2025-06-24", "2025-06-25"),
        ("rpt_unused_context", "feature_id = 'gone'", "2025-06-24", "2025-06-25"),
        ("fct_projection_backtests", "feature_id = 'gone'", "2025-06-16", "2025-06-17"),
    ],
)
def test_a_name_that_is_not_there_is_told_for_two_weeks(settings, mart, changed, last_told, first_untold):
    build = make_build(settings)
    change(build, f"update marts.{mart} set {changed}")
    for as_of_date, told_count in ((last_told, 1), (first_untold, 0)):
        checks = [check for check in all_checks() if check.name == f"{mart}__watched"]
        (held,) = hold(
            checks, build=build | {"as_of_date": as_of_date}, context=new_context(settings.home / as_of_date)
        )
        unknown = [found.severity for found in held.broken if "unknown_1" in found.expectation]
        assert unknown == ["warn"] * told_count


@pytest.mark.parametrize(("landing_date", "warning_count"), [("2025-06-08", 1), ("2025-06-07", 0)])
def test_a_landing_that_failed_is_news_for_three_days(settings, context, landing_date, warning_count):
    build = make_build(settings)
    change(
        build, f"update marts.fct_daily_extract_outcomes set status = 'failed' where landing_date = '{landing_date}'"
    )
    assert len(warnings_of(build, context, "fct_daily_extract_outcomes")) == warning_count


@pytest.mark.parametrize(
    ("landing_date", "status", "count", "severities"),
    [
        ("2025-06-11", "failed", 0, ["warn"]),  # nobody has landed the day: the build stays of the day before
        ("2052-06-11", "missing", 0, []),  # a mistyped one
        ("2025-06-11", "loaded", 3, ["fail"]),
        ("2025-06-11", "failed", 3, ["fail", "warn"]),  # the content of the landing before is current
    ],
)
def test_an_attempt_at_a_day_without_data_stops_nothing(settings, context, landing_date, status, count, severities):
    build = make_build(settings)
    change(
        build,
        "insert into marts.fct_daily_extract_outcomes by name "
        f"select 'traces' as source, date '{landing_date}' as landing_date, '{status}' as status, {count} as read_count, "
        f"{count} as loaded_count, 0 as ignored_count, 0 as quarantined_count, 0 as duplicate_count",
    )
    checks = [check for check in all_checks() if check.mart == "fct_daily_extract_outcomes"]
    broken = [found for held in hold(checks, build=build, context=context) for found in held.broken]
    assert sorted(found.severity for found in broken) == severities


def test_an_installation_with_bills_alone_may_have_no_calls(settings, context):
    build = make_build(settings)
    marts = (
        "fct_llm_calls",
        "fct_daily_metrics",
        "fct_weekly_metrics",
        "fct_daily_routing_decisions",
        "rpt_journey_costs",
    )
    change(
        build,
        "delete from raw.traces_spans",
        "delete from marts.fct_daily_extract_outcomes where source = 'traces'",
        *(f"delete from marts.{mart}" for mart in marts),
        "delete from marts.fct_daily_allocated_costs where feature_id <> 'unattributed'",
        "delete from marts.fct_daily_feature_costs where feature_id <> 'unattributed'",
    )
    for mart in (*marts, "fct_daily_unpriced_usage", "fct_daily_feature_costs"):
        assert warnings_of(build, context, mart) == []


CLOSED = "insert into raw.closed_periods values ('aws.bedrock', '111122223333', '2025-06-01', '2025-07-20', 'by hand', 1, {})"


@pytest.mark.parametrize(("is_frozen", "fail_count"), [("true", 0), ("false", 1)])
@pytest.mark.parametrize("mart", ["fct_llm_calls", "fct_daily_metrics", "fct_weekly_metrics", "rpt_weekly_rerankers"])
def test_a_feature_renamed_since_its_month_closed_stops_nothing(settings, context, mart, is_frozen, fail_count):
    # Costs keep the names that they were closed with; calls and what is made of them have those of today.
    build = make_build(settings)
    change(
        build,
        CLOSED.format(is_frozen),
        *(
            f"update marts.{each} set feature_id = 'assistant' where feature_id = 'chat'"
            for each in ("fct_llm_calls", "fct_daily_metrics", "fct_weekly_metrics", "rpt_weekly_rerankers")
        ),
    )
    checks = [check for check in all_checks() if check.name == f"{mart}__watched"]
    (held,) = hold(checks, build=build, context=context)
    assert [found.expectation for found in held.broken if "unknown_" in found.expectation] == fail_count * [
        "expect_column_values_to_be_null(unknown_1)"
    ]


@pytest.mark.parametrize(("decides", "fail_count"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("mart", ["fct_daily_metrics", "fct_weekly_metrics"])
def test_a_feature_that_only_decides_has_metrics_and_no_cost(settings, context, mart, decides, fail_count):
    # Its decision's call failed, or took the feature of a span above that the decision does not know of.
    build = make_build(settings)
    change(
        build,
        *(f"update marts.{each} set feature_id = 'gateway'" for each in ("fct_daily_metrics", "fct_weekly_metrics")),
        *(["update marts.fct_daily_routing_decisions set feature_id = 'gateway'"] if decides else []),
    )
    checks = [check for check in all_checks() if check.name == f"{mart}__watched"]
    (held,) = hold(checks, build=build, context=context)
    assert [found.observed for found in held.broken] == fail_count * ["1 of 1 rows (gateway)"]


@pytest.mark.parametrize(("is_frozen", "fail_count"), [("true", 0), ("false", 1)])
def test_a_call_that_came_after_its_month_closed_makes_no_day_of_costs(settings, context, is_frozen, fail_count):
    build = make_build(settings)
    change(
        build,
        CLOSED.format(is_frozen),
        "insert into marts.fct_llm_calls select * replace ('late' as call_id, date '2025-06-01' as usage_date) "
        "from marts.fct_llm_calls where call_id = 't051-s1'",
    )
    checks = [check for check in all_checks() if check.name == "fct_daily_feature_costs__days"]
    (held,) = hold(checks, build=build, context=context)
    assert len(held.broken) == fail_count


@pytest.mark.parametrize(("cost", "fail_count"), [("null", 0), ("20", 1)])
def test_a_target_without_a_price_is_no_fault_where_its_cost_is_not_known(settings, context, cost, fail_count):
    # A model that people host themselves, named in seed routing_targets.
    build = make_build(settings)
    change(
        build,
        f"update marts.fct_savings_opportunities set target_model_id = 'own', target_cost_usd_per_month = {cost}, "
        "status = 'rejected', reason = 'own has no price'",
    )
    checks = [check for check in all_checks() if check.mart == "fct_savings_opportunities"]
    broken = [found for held in hold(checks, build=build, context=context) for found in held.broken]
    assert len(broken) == fail_count


@pytest.mark.parametrize("day", ["2025-06-03", "2025-06-05"])
def test_a_day_with_a_bill_and_no_call_and_the_reverse_are_days(settings, context, day):
    build = make_build(settings)
    change(
        build,
        f"delete from marts.fct_llm_calls where usage_date = '{day}'",
        "update marts.fct_daily_feature_costs set allocated_cost_usd = 0 where usage_date = '2025-06-04'",
    )
    checks = [check for check in all_checks() if check.name == "fct_daily_feature_costs__days"]
    (held,) = hold(checks, build=build, context=context)
    assert held.broken == ()


def test_sources_that_were_silent_for_long_are_told_beside_the_verdict(settings, context):
    build = make_build(settings)
    change(build, silence((9, 10)))
    build |= {"as_of_date": "2025-06-25"}
    checks = [check for check in all_checks() if check.name == "fct_daily_extract_outcomes__watched"]
    (held,) = hold(checks, build=build, context=context)
    assert held.broken == ()
    assert "switched off: billing last ended on 2025-06-10, 15 days before the build" in " · ".join(held.notes)
    assert "silent for long: billing: nothing on 2025-06-09 nor since, the last is of 2025-06-08" in held.notes


def test_a_month_of_lines_within_a_cent_ties(settings, context):
    build = make_build(settings)
    change(
        build,
        "update marts.fct_daily_allocated_costs set allocated_cost_usd = 0.26 "
        "where usage_date = '2025-06-05' and feature_id = 'unattributed'",
    )
    checks = [check for check in all_checks() if check.name == "fct_daily_allocated_costs__against_lines"]
    (held,) = hold(checks, build=build, context=context)
    assert (held.expectation_count, held.broken) == (1, ())


def warnings_of(build, context, mart):
    checks = [check for check in all_checks() if check.mart == mart]
    broken = [found for held in hold(checks, build=build, context=context) for found in held.broken]
    assert {found.severity for found in broken} <= {"warn"}, [str(found) for found in broken]
    return [str(found) for found in broken]


class _Fetches(HTMLParser):
    """Gathers what a browser asks another host for on opening a page: anything but the target of a link."""

    def __init__(self):
        super().__init__()
        self.found, self.is_style = [], False

    def handle_starttag(self, tag, attributes):
        self.is_style = tag == "style"
        for name, value in attributes:
            if (tag, name) != ("a", "href") and not name.startswith("xmlns"):
                self.found += re.findall(r"(?i)(?:https?:)?//[\w.-]+", value or "")

    def handle_endtag(self, tag):
        self.is_style = False

    def handle_data(self, data):
        if self.is_style:
            self.found += re.findall(r"""(?i)(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')]+)""", data)


def fetched_from_elsewhere(text):
    parser = _Fetches()
    parser.feed(text)
    parser.close()
    return parser.found


def audit_and_publish(settings, build):
    audit(settings=settings, build=build)
    publish(settings=settings, build=build)


def content_of(settings):
    return {path: path.read_bytes() for path in sorted(current_build(settings).iterdir())}
