"""Every DAG file is read without an error, in the order that its doc promises, and wired to the assets."""

import importlib
import runpy
import sys

import pytest
from airflow.dag_processing.dagbag import DagBag

from ai_finops.config import REPOSITORY

EXPECTED_DAGS = {
    "extract_traces",
    "extract_billing",
    "extract_cloudwatch",
    "build_marts",
    "report_weekly",
    "load_history",
}


@pytest.fixture(scope="module")
def dag_bag():
    return DagBag(dag_folder=str(REPOSITORY / "dags"))


def test_every_dag_is_read_without_an_error(dag_bag):
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == EXPECTED_DAGS


@pytest.mark.parametrize("is_loaded_before", [True, False])
def test_the_plugin_switches_telemetry_off_in_any_airflow(monkeypatch, is_loaded_before):
    from cosmos import settings, telemetry

    for name in ("AIRFLOW__COSMOS__ENABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "do_not_track", False)
    monkeypatch.setattr(settings, "enable_telemetry", True)
    assert telemetry.should_emit()
    if not is_loaded_before:
        monkeypatch.delitem(sys.modules, "cosmos.settings")
    runpy.run_path(str(REPOSITORY / "plugins" / "finops_plugin.py"))
    if is_loaded_before:
        assert not telemetry.should_emit()
    else:
        assert not importlib.import_module("cosmos.settings").enable_telemetry


def test_file_name_is_the_dag_id(dag_bag):
    for dag_id, dag in dag_bag.dags.items():
        assert dag.fileloc.endswith(f"/{dag_id}.py")


def test_every_dag_says_what_to_do_when_it_fails(dag_bag):
    for dag in dag_bag.dags.values():
        assert "**If it fails**" in dag.doc_md


@pytest.mark.parametrize("source", ["traces", "billing", "cloudwatch"])
def test_an_extract_dag_records_its_outcome_whatever_happened(dag_bag, source):
    dag = dag_bag.dags[f"extract_{source}"]
    record = dag.get_task("record_outcome")
    assert dag.get_task(f"land_{source}").downstream_task_ids == {"record_outcome"}
    assert record.is_teardown
    assert not record.on_failure_fail_dagrun
    assert [asset.name for asset in record.outlets] == [f"raw_{source}"]


def test_an_extract_run_is_about_the_day_before(dag_bag):
    timetable = dag_bag.dags["extract_traces"].timetable
    assert (timetable.run_offset, timetable.key_format) == (-1, "%Y-%m-%d")


def test_build_marts_waits_for_every_enabled_source(dag_bag):
    condition = dag_bag.dags["build_marts"].timetable.asset_condition
    assert type(condition).__name__ == "AssetAll"
    assert {asset.name for asset in condition.objects} == {"raw_traces", "raw_billing", "raw_cloudwatch"}


def test_build_marts_publishes_only_after_the_audit(dag_bag):
    dag = dag_bag.dags["build_marts"]

    def upstream_of(task_id):
        return dag.get_task(task_id).get_flat_relative_ids(upstream=True)

    assert "check_marts" in upstream_of("publish_marts")
    assert {"phase_1.dbt_producer_watcher", "analyse_costs", "phase_2.dbt_producer_watcher"} <= upstream_of(
        "check_marts"
    )
    assert "analyse_costs" in upstream_of("phase_2.dbt_producer_watcher")


def test_each_mart_is_a_task_of_the_grid(dag_bag):
    tasks = dag_bag.dags["build_marts"].task_ids
    assert {
        "phase_1.fct_llm_calls_run",
        "phase_1.fct_daily_feature_costs_run",
        "phase_2.fct_daily_metrics_run",
        "phase_2.fct_cost_projections_run",
        "phase_2.rpt_weekly_digest_run",
    } <= set(tasks)


def test_dbt_data_tests_run_in_the_producers_process(dag_bag):
    flags = dag_bag.dags["build_marts"].get_task("phase_1.dbt_producer_watcher").dbt_cmd_flags
    resource_types = {flags[index + 1] for index, flag in enumerate(flags) if flag == "--resource-type"}
    assert {"model", "seed", "test"} <= resource_types
    assert "unit_test" not in resource_types


def test_the_week_needs_all_seven_days(dag_bag):
    mapper = dag_bag.dags["report_weekly"].timetable.default_partition_mapper
    assert mapper.is_rollup
    assert type(mapper.window).__name__ == "WeekWindow"
    assert type(mapper.wait_policy).__name__ == "WaitForAll"


def test_models_announce_no_assets_of_their_own(dag_bag):
    tasks = dag_bag.dags["build_marts"].tasks
    models = [task for task in tasks if task.task_id.endswith("_run")]
    assert models
    assert not any(task.emit_datasets for task in models)


def test_only_publishing_announces_published_marts(dag_bag):
    announcing = {
        (dag_id, task.task_id)
        for dag_id, dag in dag_bag.dags.items()
        for task in dag.tasks
        if any(getattr(asset, "name", "") == "published_marts" for asset in task.outlets)
    }
    assert announcing == {("build_marts", "publish_marts"), ("load_history", "build_history")}
