"""Between the phases: marts out as Parquet, analyses back as views."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.schemas import PROJECTIONS, SAVINGS
from ai_finops.build import analyse
from ai_finops.build.inputs import keep_prices
from ai_finops.build.issued import find_issued, write_kept
from ai_finops.build.raw_views import open_warehouse, view_parquet
from ai_finops.errors import BuildError
from ai_finops.lake import Lake
from ai_finops.pricing.catalog import export_prices
from tests.quality.tiny_marts import AS_OF, change, make_build

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

SEEDS = (
    "create schema if not exists seeds",
    "create table seeds.cache_similarities as select 0.9::double as similarity, 'why' as reason",
    "create table seeds.features as select 'chat' as feature_id, 'ann@example.com' as owner, cast(null as date) as last_date",
    """
    create table seeds.routing_targets as
    select 'chat' as task_type, 'amazon.nova-lite-v1:0' as target_model_id, 0.9::double as min_agreement_ratio,
        200::bigint as min_samples, 'small' as effort
    """,
    "create table seeds.task_types as select 'chat' as task_type, false as is_delay_tolerant",
    """
    create table seeds.cache_calibrations as
    select 'e' as embedder_id, 0.9::double as similarity, 40::bigint as pair_count, 30::bigint as right_count
    """,
    f"create table seeds.lever_assumptions as from read_csv('{PROJECT / 'seeds' / 'lever_assumptions.csv'}')",
    *(
        f"create table seeds.{name} as from read_csv('{PROJECT / 'seeds' / f'{name}.csv'}')"
        for name in ("distillation_targets", "lever_efforts", "metric_thresholds")
    ),
    """
    create table intermediate.int_use_validations_named (
        usage_date date, feature_id varchar, dimension varchar, metric_name varchar, low_agreement_ratio double
    )
    """,
    """
    create table intermediate.int_excess_outputs_priced (
        usage_date date, feature_id varchar, dimension varchar, metric_name varchar, excess_call_count bigint,
        excess_output_tokens double, excess_output_cost_usd decimal(38, 12), over_healthy_output_cost_usd decimal(38, 12)
    )
    """,
    """
    create table seeds.planned_features as
    select
        'digest' as feature_id, 'answer' as pipeline_id, 1.0::double as share_ratio, date '2025-06-11' as launch_date,
        cast(null as double) as multiplier, 'planned' as status, 'ann@example.com' as owner, 'why' as reason
    """,
    """
    create table seeds.optimization_decisions (
        decision_id varchar, decision_date date, feature_id varchar, lever varchar,
        expected_saving_usd_per_month decimal(18, 6), status varchar, planned_ship_date date, shipped_date date
    )
    """,
    """
    create table seeds.budgets as
    select
        'total' as feature_id, cast(null as date) as budget_month, 50::decimal(18, 6) as budget_cost_usd,
        'ann@example.com' as owner, 'agreed' as reason
    """,
)


@pytest.fixture
def build(settings, tmp_path):
    """The tiny build with what the analyses read besides marts; `chat` runs on an expensive model."""
    made = make_build(settings)
    change(
        made,
        *SEEDS,
        "update marts.fct_llm_calls set model_tier = 'expensive', model_id = 'anthropic.claude-sonnet-4-20250514-v1:0'",
        "drop table marts.fct_cost_drivers",
        "drop table marts.fct_projection_backtests",
        "drop table marts.fct_daily_cost_baselines",
        "drop table marts.fct_cost_anomalies",
        "drop table marts.fct_cost_anomaly_drivers",
        "drop table raw.prices",
    )
    with open_warehouse(made["warehouse"]) as connection:
        folder = Lake(tmp_path).prices
        view_parquet(connection, "prices", files=[folder.file(keep_prices(export_prices(), folder=folder))])
    return made


def query(build, sql):
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_analyses_become_views_before_phase_2(settings, build):
    counts = analyse(settings=settings, build=build)
    assert set(counts) == {
        "projections",
        "projection_backtests",
        "planned_features",
        "budgets",
        "projection_errors",
        "cost_drivers",
        "daily_cost_baselines",
        "cost_anomaly_drivers",
        "savings",
        "cache_curves",
        "caching_advice",
    }
    for name, count in counts.items():
        assert query(build, f"select count(*) from raw.analysis_{name}") == [(count,)]
        assert pq.read_metadata(Path(build["build_dir"], "analysis", f"{name}.parquet")).num_rows == count


def test_every_day_after_the_first_is_a_date_of_issue(settings, build):
    analyse(settings=settings, build=build)
    issued = [day for (day,) in query(build, "select distinct as_of_date from raw.analysis_projections order by 1")]
    assert issued == [date(2025, 6, 3) + timedelta(days=n) for n in range(9)]
    assert issued[-1] == AS_OF


def test_drivers_add_up_to_the_change_of_the_week(settings, build):
    analyse(settings=settings, build=build)
    rows = query(build, "select week_start_date, sum(contribution_cost_usd) from raw.analysis_cost_drivers group by 1")
    assert rows == [(date(2025, 6, 9), Decimal("-13.750000"))]


def test_savings_carry_the_owner_of_the_feature(settings, build):
    analyse(settings=settings, build=build)
    rows = query(build, "select distinct feature_id, owner from raw.analysis_savings order by 1")
    assert rows == [("chat", "ann@example.com"), ("search", "nobody named")]


def test_savings_carry_the_comparisons_and_the_escalations_of_their_models(settings, build):
    change(build, "update marts.fct_daily_routing_decisions set first_model_id = 'amazon.nova-lite-v1:0'")
    change(
        build,
        "insert into intermediate.int_shadow_comparisons_resolved "
        "select 't', 's' || n, 'chat', 'anthropic.claude-sonnet-4-20250514-v1:0', 'amazon.nova-lite-v1:0', n > 150, "
        "date '2025-06-04' from range(300) as r(n)",
    )
    analyse(settings=settings, build=build)
    rows = query(
        build,
        "select as_of_date, agreement_sample_count, agreement_ratio from raw.analysis_savings "
        "where feature_id = 'chat' and lever = 'routing_by_task_type' "
        "and as_of_date in ('2025-06-04', '2025-06-05') order by 1",
    )
    assert rows == [(date(2025, 6, 4), 0, None), (date(2025, 6, 5), 300, 149 / 300)]
    # A decision a day since the 2nd; all of them went on.
    cascade = (
        "select ratio, evidence from raw.analysis_savings where lever = 'confidence_cascade' and feature_id = 'chat'"
    )
    ((ratio, evidence),) = query(build, f"{cascade} and as_of_date = '2025-06-05'")
    assert ratio == 1.0 and "3 of 3 answers escalated, as logged" in evidence


def test_savings_rest_on_documents_rerankers_answers_and_queries_too(settings, build):
    # $0.03 a day of unused documents are $0.91 a month; a dollar of long answers in the week is $4.35, $24 of reranks $104.29.
    # A day at $600 comes back after 25 weeks; two, for a dollar a week, after 1,200.
    change(
        build,
        "update marts.rpt_weekly_rerankers set verdict = 'redundant', allocated_cost_usd = 24",
        "insert into intermediate.int_excess_outputs_priced values "
        "(date '2025-06-10', 'chat', 'task_type=extraction', 'token_amplification', 60, 1000, 1, 2)",
        "insert into intermediate.int_use_validations_named values "
        "(date '2025-06-10', 'chat', 'evidence=citation', 'unused_document_cost_ratio', null)",
    )
    analyse(settings=settings, build=build)
    rows = query(
        build,
        "select lever, round(saving_usd_per_month, 2), is_measured, reason from raw.analysis_savings "
        "where as_of_date = '2025-06-11' and feature_id = 'chat' and lever in "
        "('unused_context', 'redundant_reranker', 'verbose_output', 'distillation') order by 1",
    )
    assert rows == [
        ("distillation", Decimal(0), False, "too few training pairs: 0 of 2,000"),
        ("redundant_reranker", Decimal("104.29"), True, None),
        ("unused_context", Decimal("0.91"), False, "saves less than $1 a month"),
        (
            "verbose_output",
            Decimal("4.35"),
            True,
            "what it takes to build comes back after 1,200.0 weeks, 26 is the limit",
        ),
    ]
    late = "select count(*) from raw.analysis_savings where status = 'open' and break_even_weeks > 26"
    assert query(build, late) == [(0,)]
    assert query(build, "select count(*) from raw.analysis_savings where upfront_cost_usd is null") == [(0,)]
    advice = query(
        build, "select strategy, is_recommended from raw.analysis_caching_advice where feature_id = 'chat' order by 1"
    )
    assert advice == [
        ("cache_and_distillation", False),
        ("distillation", False),
        ("keep_as_is", True),
        ("semantic_cache", False),
    ]


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("seeds.lever_efforts", "lever_efforts"),
        ("intermediate.int_excess_outputs_priced", "excess_outputs"),
        ("marts.rpt_weekly_rerankers", "rpt_weekly_rerankers"),
    ],
)
def test_what_levers_rest_on_is_named_where_it_is_missing(settings, build, table, name):
    change(build, f"drop table {table}")
    with pytest.raises(BuildError, match=f"need {name}, which phase 1 did not leave behind"):
        analyse(settings=settings, build=build)


def test_savings_take_the_task_type_that_was_found_for_calls_that_say_none(settings, build):
    routed = "from raw.analysis_savings where lever = 'routing_by_task_type'"
    change(build, "update marts.fct_llm_calls set task_type = 'unknown'")
    analyse(settings=settings, build=build)
    assert query(build, f"select count(*) {routed}") == [(0,)]
    # Found for one pipeline of chat's; search has none, and what a span says is never overruled.
    change(build, "insert into intermediate.int_task_types_found values ('chat', 'answer', 'chat', 'chat')")
    analyse(settings=settings, build=build)
    assert query(build, f"select distinct feature_id, task_type {routed}") == [("chat", "chat")]
    change(build, "update marts.fct_llm_calls set task_type = 'extraction' where feature_id = 'chat'")
    analyse(settings=settings, build=build)
    assert query(build, f"select count(*) {routed}") == [(0,)]


def test_covered_day_without_a_cost_counts_as_zero_and_a_day_not_covered_does_not(settings, build):
    windows = "select max(window_day_count) from raw.analysis_projections"
    change(build, "delete from marts.fct_daily_feature_costs where usage_date = '2025-06-05'")
    analyse(settings=settings, build=build)
    assert query(build, windows) == [(9,)]
    # The 6th has costs: of spans that came late.
    change(build, "delete from intermediate.int_days_covered where covered_date in ('2025-06-05', '2025-06-06')")
    analyse(settings=settings, build=build)
    assert query(build, windows) == [(7,)]


def test_dates_of_issue_begin_after_the_first_covered_day(settings, build):
    change(build, "delete from intermediate.int_days_covered where covered_date = '2025-06-02'")
    analyse(settings=settings, build=build)
    assert query(build, "select min(as_of_date) from raw.analysis_projections") == [(date(2025, 6, 4),)]


def test_calls_without_bill_or_price_are_left_out_of_projections_and_are_no_price_cut(settings, build):
    # Of chat's two calls a day one has no known cost from the 9th on.
    for mart in ("fct_daily_allocated_costs", "fct_daily_feature_costs"):
        change(
            build,
            f"update marts.{mart} set unknown_cost_call_count = 1, unknown_cost_tokens = 1050, allocated_cost_usd = 1 "
            "where feature_id = 'chat' and usage_date >= '2025-06-09'",
        )
    analyse(settings=settings, build=build)
    windows = (
        "select feature_id, max(window_day_count) from raw.analysis_projections where scenario = 'as_is' "
        "group by 1 order by 1"
    )
    assert query(build, windows) == [("chat", 7), ("search", 9), ("total", 7), ("unattributed", 9)]
    drivers = "select driver, contribution_cost_usd from raw.analysis_cost_drivers where feature_id = 'chat'"
    assert query(build, drivers) == [("cost_not_known", Decimal("-12.000000"))]


def test_an_anomaly_is_there_with_its_drivers_and_gone_when_the_bill_takes_it_back(settings, build):
    verdicts = (
        "select feature_id, status, excess_cost_usd from raw.analysis_daily_cost_baselines where is_anomaly order by 1"
    )
    drivers = (
        "select feature_id, driver, sum(contribution_cost_usd) from raw.analysis_cost_anomaly_drivers "
        "group by all order by 1"
    )
    for chat_usd, expected in ((20, Decimal(18)), (7, None), (20, Decimal(18))):
        for mart in ("fct_daily_allocated_costs", "fct_daily_feature_costs"):
            change(
                build,
                f"update marts.{mart} set allocated_cost_usd = {chat_usd} "
                "where feature_id = 'chat' and usage_date = '2025-06-10'",
            )
        analyse(settings=settings, build=build)
        # Together 20.75 a day against 2.75; 7 is more than twice 2 and no more than 5 above it.
        assert query(build, verdicts) == (
            [("chat", "spike", expected), ("total", "spike", Decimal(18))] if expected else []
        )
        assert query(build, drivers) == (
            [("chat", "cost_per_token", expected), ("total", "cost_per_token", expected)] if expected else []
        )


def test_a_seed_without_a_rule_for_every_feature_is_named(settings, build):
    change(build, "update seeds.anomaly_rules set feature_id = 'chat'")
    with pytest.raises(BuildError, match="anomaly_rules has no rule for every feature"):
        analyse(settings=settings, build=build)


def test_missing_bound_is_named(settings, build):
    change(build, "delete from seeds.reporting_bounds where bound_name = 'largest_unknown_cost_ratio'")
    with pytest.raises(BuildError, match="reporting_bounds names no largest_unknown_cost_ratio; add that row"):
        analyse(settings=settings, build=build)


def test_running_again_gives_the_same_files(settings, build):
    analyse(settings=settings, build=build)
    files = sorted(Path(build["build_dir"], "analysis").iterdir())
    before = [file.read_bytes() for file in files]
    analyse(settings=settings, build=build)
    assert [file.read_bytes() for file in files] == before


def test_no_costs_yet_is_no_error(settings, build):
    change(build, "delete from marts.fct_daily_feature_costs", "delete from marts.fct_daily_allocated_costs")
    assert analyse(settings=settings, build=build)["cost_drivers"] == 0


def test_missing_mart_or_seed_is_named(settings, build):
    change(build, "drop table seeds.routing_targets")
    with pytest.raises(BuildError, match="need routing_targets, which phase 1 did not leave behind"):
        analyse(settings=settings, build=build)


def test_missing_calls_are_named(settings, build):
    change(build, "drop table marts.fct_llm_calls")
    with pytest.raises(BuildError, match=r"need call_sums, which cannot be read.*fct_llm_calls"):
        analyse(settings=settings, build=build)


def test_plans_and_budgets_are_of_the_build_s_own_date(settings, build):
    analyse(settings=settings, build=build)
    assert query(build, "select feature_id, plan_status, realised_status from raw.analysis_planned_features") == [
        ("digest", "applied", "not_launched")
    ]
    # $24.75 are spent by the 10th, one day of ten is missing; of 20 days of $2.75 to come the tenth passes $50.
    rows = query(
        build, "select status, actual_cost_usd, projected_cost_usd, exceeded_date from raw.analysis_budgets limit 1"
    )
    assert rows == [("will_be_exceeded", Decimal("24.75"), Decimal("79.75"), date(2025, 6, 20))]
    scenarios = "select distinct as_of_date from raw.analysis_projections where scenario != 'as_is'"
    assert query(build, scenarios) == [(AS_OF,)]


def test_open_decisions_count(settings, build):
    change(
        build,
        "insert into seeds.optimization_decisions "
        "values ('one', '2025-06-10', 'chat', 'semantic_cache', 36.5, 'open', '2025-06-11', null)",
    )
    analyse(settings=settings, build=build)
    # 36.5 * 12 / 365 = 1.20 a day.
    rows = query(
        build,
        "select projected_cost_usd from raw.analysis_projections where scenario = 'with_open_decisions' "
        "and feature_id = 'chat' and target_period = 'day' and target_date = as_of_date",
    )
    assert rows == [(Decimal("0.8"),)]


def test_a_feature_that_ends_costs_nothing_afterwards_and_budgets_follow(settings, build):
    change(build, "update seeds.features set last_date = '2025-06-10'")
    analyse(settings=settings, build=build)
    as_is = "select distinct projected_cost_usd from raw.analysis_projections where as_of_date = '2025-06-11' "
    assert query(build, as_is + "and feature_id = 'chat' and target_period = 'day'") == [(Decimal(0),)]
    budgets = "select feature_id, projected_cost_usd from raw.analysis_budgets where month_number = 1 and feature_id = 'total'"
    july = "select feature_id, projected_cost_usd from raw.analysis_projections where month_number = 1 "
    july += "and scenario = 'as_is' and as_of_date = '2025-06-11' and feature_id = 'total'"
    assert query(build, budgets) == query(build, july)


def test_what_was_issued_is_read_and_not_made_again(settings, build):
    lake = Lake(settings.lake)
    day = date(2025, 6, 9)
    row = {"as_of_date": day, "feature_id": "total", "scenario": "as_is", "target_period": "day", "target_date": day}
    issued = pa.Table.from_pylist([row | {"projected_cost_usd": Decimal(99), "method": "by hand"}], schema=PROJECTIONS)
    lake.write_partition("issued", str(day), tables={"projections": issued, "savings": SAVINGS.empty_table()})
    write_kept(Path(build["build_dir"]), find_issued(lake, before=AS_OF))
    analyse(settings=settings, build=build)
    rows = query(build, "select as_of_date, method from raw.analysis_projections where method = 'by hand'")
    assert rows == [(day, "by hand")]
    assert query(build, f"select count(*) from raw.analysis_projections where as_of_date = '{day}'") == [(1,)]
    assert query(build, f"select count(*) from raw.analysis_savings where as_of_date = '{day}'") == [(0,)]
    made = pq.read_table(Path(build["build_dir"], "analysis", "projections.parquet"))
    assert day not in made["as_of_date"].to_pylist()
    assert AS_OF in made["as_of_date"].to_pylist()


def test_what_was_issued_by_an_earlier_release_lacks_columns(settings, build):
    day = date(2025, 6, 9)
    file = settings.home / "old.parquet"
    pq.write_table(pa.table({"as_of_date": [day], "feature_id": ["total"], "scenario": ["as_is"]}), file)
    listed = [{"as_of_date": str(day), "file": str(file), "schema": "older"}]
    Path(build["build_dir"], "issued.json").write_text(json.dumps({"projections": listed}))
    analyse(settings=settings, build=build)
    rows = f"select feature_id, method, is_backcast from raw.analysis_projections where as_of_date = '{day}'"
    assert query(build, rows) == [("total", None, None)]
