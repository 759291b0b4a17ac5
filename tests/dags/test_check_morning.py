"""The tasks of check_morning, called as Airflow calls them."""

from collections import defaultdict
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ai_finops.config import REPOSITORY, Settings
from ai_finops.lake import Lake, Outcome

DAY = date(2025, 6, 15)


def read_dag():
    return DagBag(dag_folder=str(REPOSITORY / "dags" / "check_morning.py")).dags["check_morning"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path))
    partitions, running = [], set()
    event = SimpleNamespace(extra=None, add_partitions=partitions.extend)
    context = {
        "dag_run": SimpleNamespace(run_after=datetime(2025, 6, 16, 8, tzinfo=UTC)),
        "params": {},
        "ti": SimpleNamespace(get_dr_count=lambda dag_id, states: int(dag_id in running)),
        "outlet_events": defaultdict(lambda: event),
    }
    dag = read_dag()
    return SimpleNamespace(
        call=lambda task_id, *given: dag.get_task(task_id).python_callable(*given, **context),
        ends=lambda late: dag.get_task("tell_late").python_callable(late),
        lake=Lake(Settings.from_env().lake),
        partitions=partitions,
        running=running,
        event=event,
    )


def loaded(source, day):
    return Outcome(source, day, "loaded", DAY, datetime(2025, 6, 16, 6, tzinfo=UTC), read_count=1, loaded_count=1)


def test_a_feed_that_never_ran_is_told_of_and_no_longer_waited_for(run):
    run.lake.record_outcome(loaded("traces", date(2025, 6, 14)))
    for source in ("traces", "billing"):
        run.lake.record_outcome(loaded(source, DAY))
    late = run.call("find_late_marts")
    assert late["feeds"] == ["cloudwatch"]
    run.call("report_missing_cloudwatch", late)
    assert (run.partitions, run.event.extra) == ([str(DAY)], {"status": "missing"})
    assert run.lake.outcome("cloudwatch", DAY).status == "missing"
    for feed in ("traces", "billing"):
        with pytest.raises(AirflowSkipException, match=f"extract_{feed} has reported"):
            run.call(f"report_missing_{feed}", late)
    assert run.partitions == [str(DAY)]
    with pytest.raises(AirflowFailException, match="extract_cloudwatch has not reported and no run of it is going"):
        run.ends(late)


def test_a_feed_that_reports_meanwhile_is_left_alone(run):
    run.lake.record_outcome(loaded("traces", date(2025, 6, 14)))
    run.running.add("extract_traces")
    late = run.call("find_late_marts")
    assert "extract_traces has not reported, a run of it is still going" in late["text"]
    run.lake.record_outcome(loaded("traces", DAY))
    with pytest.raises(AirflowSkipException, match="in the meantime"):
        run.call("report_missing_traces", late)
    assert run.partitions == []


def test_a_morning_on_which_all_is_well_tells_nobody(run):
    late = run.call("find_late_marts")  # nothing was ever landed
    assert late is None
    with pytest.raises(AirflowSkipException):
        run.call("report_missing_traces", late)
    assert run.ends(late) is None


def test_it_looks_before_it_puts_anything_in_place_and_tells_last():
    tasks = {task.task_id: task for task in read_dag().tasks}
    feeds = {"report_missing_traces", "report_missing_billing", "report_missing_cloudwatch"}
    assert set(tasks) == {"find_late_marts", "tell_late", *feeds}
    assert tasks["tell_late"].upstream_task_ids == {"find_late_marts", *feeds}
    for feed in feeds:
        assert tasks[feed].upstream_task_ids == {"find_late_marts"}
        assert [asset.name for asset in tasks[feed].outlets] == [feed.replace("report_missing", "raw")]


@pytest.mark.parametrize(("due", "expression"), [(None, "0 8 * * *"), ("07:45", "45 7 * * *")])
def test_it_runs_when_the_marts_are_due(monkeypatch, due, expression):
    if due:
        monkeypatch.setenv("AI_FINOPS_MARTS_DUE", due)
    assert read_dag().timetable.expression == expression
