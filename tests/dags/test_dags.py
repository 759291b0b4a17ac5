"""Every DAG file is read without an error, in the order that its doc promises, and wired to the assets."""

import pytest
from airflow.dag_processing.dagbag import DagBag

from ai_finops import build
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
    tasks = dag_bag.dags["build_marts"].tasks
    waits_for = {task.task_id: task.get_flat_relative_ids(upstream=True) for task in tasks}
    order = ["prepare_build", "build_costs", "analyse_costs", "build_reviews", "check_marts", "publish_marts"]
    assert waits_for == {task_id: set(order[:place]) for place, task_id in enumerate(order)}


def test_each_phase_of_dbt_runs_as_on_the_command_line(dag_bag, monkeypatch):
    calls = []
    monkeypatch.setattr(build, "run_dbt", lambda phase, **given: calls.append((phase, given["build"])) or {"pass": 1})
    dag = dag_bag.dags["build_marts"]
    prepared = {"build_id": "000001"}
    for task_id in ("build_costs", "build_reviews"):
        assert dag.get_task(task_id).python_callable(prepared) == {"pass": 1}
    assert calls == [("phase_1", prepared), ("phase_2", prepared)]


def test_the_week_needs_all_seven_days(dag_bag):
    mapper = dag_bag.dags["report_weekly"].timetable.default_partition_mapper
    assert mapper.is_rollup
    assert type(mapper.window).__name__ == "WeekWindow"
    assert type(mapper.wait_policy).__name__ == "WaitForAll"


def test_only_publishing_announces_published_marts(dag_bag):
    announcing = {
        (dag_id, task.task_id)
        for dag_id, dag in dag_bag.dags.items()
        for task in dag.tasks
        if any(getattr(asset, "name", "") == "published_marts" for asset in task.outlets)
    }
    assert announcing == {("build_marts", "publish_marts"), ("load_history", "build_history")}
