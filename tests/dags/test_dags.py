"""Every DAG file is read without an error, in the order that its doc promises, and wired to the assets."""

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from ai_finops import alarms, build, finance, report
from ai_finops.config import REPOSITORY
from ai_finops.errors import AlarmError, FinanceError, ReportError, SourceForbidden, SourceUnavailable
from ai_finops.orchestrate.alerting import tell_of_failure
from ai_finops.orchestrate.extracting import asked_at
from ai_finops.orchestrate.pools import BUILD_POOL, POOLS_FILE
from ai_finops.orchestrate.retrying import MOST_RETRIES, FaultPolicy
from ai_finops.privacy import retention
from ai_finops.publish.postgres import STATEMENT_SECONDS
from ai_finops.report import NotKnown, NotPosted, NotTold

EXPECTED_DAGS = {
    "extract_traces",
    "extract_billing",
    "extract_cloudwatch",
    "build_marts",
    "report_weekly",
    "load_history",
    "check_morning",
    "check_alarms",
    "check_weekly_message",
    "retain_data",
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
    expected = {task_id: set(order[:place]) for place, task_id in enumerate(order)}
    # None waits for another: what one cannot do takes nothing from the others.
    after = ("sync_alarms", "export_finance", "publish_to_postgres")
    assert waits_for == expected | {task_id: set(order) for task_id in after}


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


class Started:
    """What a task knows of its own run."""

    start_date = datetime(2025, 6, 16, 7, 30, tzinfo=UTC)


def test_the_alarms_are_synced_when_the_task_runs(dag_bag, monkeypatch):
    given = []
    monkeypatch.setattr(alarms, "sync", lambda **arguments: given.append(arguments) or ["alarms: 0 created"])
    sync = dag_bag.dags["build_marts"].get_task("sync_alarms")
    assert sync.python_callable(ti=Started) == ["alarms: 0 created"]
    assert given[0]["now"] == Started.start_date
    assert (sync.retries, sync.outlets) == (4, [])


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (SourceUnavailable("later"), SourceUnavailable),  # a retry may do it
        (SourceForbidden("no"), AirflowFailException),
        (AlarmError("no mart"), AirflowFailException),
    ],
)
def test_a_sync_that_fails_is_tried_again_only_when_that_helps(dag_bag, monkeypatch, error, raised):
    def fail(**_):
        raise error

    monkeypatch.setattr(alarms, "sync", fail)
    with pytest.raises(raised, match=str(error)):
        dag_bag.dags["build_marts"].get_task("sync_alarms").python_callable(ti=Started)


def test_publishing_to_postgres_does_nothing_until_it_is_configured(dag_bag, monkeypatch):
    copy = dag_bag.dags["build_marts"].get_task("publish_to_postgres")
    assert copy.python_callable()[0].startswith("not configured: AI_FINOPS_POSTGRES_CONNECTION")
    assert (copy.retries, copy.outlets) == (4, [])
    # A server that hangs ends its statement first, and so takes all of it back.
    assert copy.execution_timeout.total_seconds() > STATEMENT_SECONDS
    monkeypatch.setenv("AI_FINOPS_POSTGRES_CONNECTION", "not_there")
    with pytest.raises(AirflowFailException, match="there is no Airflow connection not_there"):
        copy.python_callable()


@pytest.mark.parametrize(
    ("last_day", "asked"),
    [
        (None, Started.start_date),
        ("2025-06-15", datetime(2025, 6, 16, 6, tzinfo=UTC)),
        ("2025-06-16", Started.start_date),
    ],
)
def test_an_account_that_stopped_speaks_to_cloudwatch_on_its_last_morning(monkeypatch, last_day, asked):
    if last_day:
        monkeypatch.setenv("AI_FINOPS_LAST_DAY", last_day)
    assert asked_at({"ti": Started}) == asked


def test_alarms_that_could_not_fire_are_a_red_run(dag_bag, monkeypatch):
    find = dag_bag.dags["check_alarms"].get_task("find_dead_alarms")
    monkeypatch.setattr(alarms, "check", lambda **_: [])
    assert find.python_callable(ti=Started) is None
    monkeypatch.setattr(alarms, "check", lambda **_: ["a is muted", "b is blind"])
    with pytest.raises(AirflowFailException, match="a is muted\nb is blind"):
        find.python_callable(ti=Started)


@pytest.mark.parametrize(("kind", "is_scheduled"), [("none", False), ("prometheus", False), ("cloudwatch", True)])
def test_alarms_are_checked_every_day_where_they_are_in_cloudwatch(monkeypatch, kind, is_scheduled):
    monkeypatch.setenv("AI_FINOPS_ALARMS", kind)
    dag = DagBag(dag_folder=str(REPOSITORY / "dags" / "check_alarms.py")).dags["check_alarms"]
    assert (dag.schedule == "0 12 * * *") == is_scheduled
    assert (dag.schedule is None) != is_scheduled


def test_every_task_is_tried_again_by_the_table_and_told_of_when_it_failed(dag_bag):
    own_way = {"post_message", "find_late_message"}  # for hours: docs/runbook.md
    for dag in dag_bag.dags.values():
        for task in dag.tasks:
            assert task.on_failure_callback == [tell_of_failure], task.task_id
            assert isinstance(task.retry_policy, FaultPolicy) == (task.task_id not in own_way), task.task_id
            assert task.retries >= MOST_RETRIES


def test_whatever_writes_a_build_takes_the_pools_one_slot(dag_bag):
    taking = {
        (dag_id, task.task_id) for dag_id, dag in dag_bag.dags.items() for task in dag.tasks if task.pool == BUILD_POOL
    }
    steps = ("prepare_build", "build_costs", "analyse_costs", "build_reviews", "check_marts", "publish_marts")
    others = {("load_history", "build_history"), ("retain_data", "remove_what_is_past")}
    assert taking == {*(("build_marts", step) for step in steps)} | others
    pools = json.loads(POOLS_FILE.read_text())
    assert {name: pool["slots"] for name, pool in pools.items()} == {BUILD_POOL: 1}
    # A build that has begun goes on before another begins.
    weights = [dag_bag.dags["build_marts"].get_task(step).priority_weight for step in steps]
    assert weights == sorted(weights)
    assert weights[0] == dag_bag.dags["load_history"].get_task("build_history").priority_weight < weights[1]


def test_what_dags_say_of_retries_and_pools_survives_airflows_serialization(dag_bag):
    for dag in dag_bag.dags.values():
        read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        for task in dag.tasks:
            kept = read.get_task(task.task_id)
            assert (kept.pool, kept.retries, kept.has_on_failure_callback) == (task.pool, task.retries, True)
            assert kept.has_retry_policy == bool(task.retry_policy)
        assert bool(read.deadline) == bool(dag.deadline)


def test_runs_that_take_too_long_are_told_of(dag_bag):
    told = {dag_id for dag_id, dag in dag_bag.dags.items() if dag.deadline}
    assert told == {
        "extract_traces",
        "extract_billing",
        "extract_cloudwatch",
        "build_marts",
        "load_history",
        "retain_data",
    }


@pytest.mark.parametrize(("last_day", "as_of"), [(None, date(2025, 6, 20)), ("2025-06-15", date(2025, 6, 16))])
def test_retention_is_kept_as_of_the_runs_own_date(dag_bag, monkeypatch, last_day, as_of):
    if last_day:
        monkeypatch.setenv("AI_FINOPS_LAST_DAY", last_day)
    asked = []
    monkeypatch.setattr(retention, "keep_retention", lambda **given: asked.append(given) or ["one key"])
    run = SimpleNamespace(start_date=datetime(2025, 6, 20, 5, 0, 3, tzinfo=UTC))
    task = dag_bag.dags["retain_data"].get_task("remove_what_is_past")
    assert task.python_callable(dag_run=run) == ["one key"]
    assert [(given["as_of"], given["is_applied"]) for given in asked] == [(as_of, True)]


def test_finances_files_are_written_after_each_publish(dag_bag, monkeypatch):
    monkeypatch.setattr(
        finance, "export", lambda **given: ["2025-06: provisional"] if set(given) == {"settings"} else []
    )
    export = dag_bag.dags["build_marts"].get_task("export_finance")
    assert export.python_callable() == ["2025-06: provisional"]
    assert (export.retries, export.outlets) == (4, [])


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (NotPosted("no"), NotPosted),
        (NotKnown("no answer"), NotKnown),  # the retry looks for the message first
        (ReportError("look at the channel"), AirflowFailException),
    ],
)
def test_posting_is_tried_again_where_that_cannot_make_two(dag_bag, monkeypatch, error, raised):
    def fail(**_):
        raise error

    monkeypatch.setattr(report, "deliver", fail)
    post = dag_bag.dags["report_weekly"].get_task("post_message")
    run = SimpleNamespace(partition_key="2025-06-09 (W24)")
    with pytest.raises(raised, match=str(error)):
        post.python_callable(dag_run=run)


def test_tasks_of_the_message_are_tried_again_for_as_long_as_it_may_help(dag_bag):
    report_weekly = dag_bag.dags["report_weekly"]
    assert report_weekly.get_task("compose_message").retries == 4
    for task in (
        report_weekly.get_task("post_message"),
        dag_bag.dags["check_weekly_message"].get_task("find_late_message"),
    ):
        doubled = [task.retry_delay * task.retry_exponential_backoff**number for number in range(task.retries)]
        assert task.retry_exponential_backoff == 2
        assert task.max_retry_delay == timedelta(hours=1)
        waited = sum((min(task.max_retry_delay, delay) for delay in doubled), timedelta())
        assert timedelta(hours=5) < waited < timedelta(hours=6)


def test_composing_is_tried_again_only_where_that_may_help(dag_bag, monkeypatch):
    compose = dag_bag.dags["report_weekly"].get_task("compose_message")
    run = SimpleNamespace(partition_key="2025-06-09 (W24)")
    for error, raised in ((NotPosted("the disk is full"), NotPosted), (ReportError("not there"), AirflowFailException)):
        monkeypatch.setattr(report, "write_review", Mock(side_effect=error))
        with pytest.raises(raised, match=str(error)):
            compose.python_callable(dag_run=run)


def test_a_late_message_is_a_red_run(dag_bag, monkeypatch):
    find = dag_bag.dags["check_weekly_message"].get_task("find_late_message")
    run = SimpleNamespace(run_after=datetime(2025, 6, 16, 10, tzinfo=UTC))
    asked = []
    monkeypatch.setattr(report, "check_deadline", lambda settings, now: asked.append(now))
    assert find.python_callable(dag_run=run) is None
    assert asked == [run.run_after]
    monkeypatch.setattr(report, "check_deadline", lambda settings, now: "it is late")
    with pytest.raises(AirflowFailException, match="it is late"):
        find.python_callable(dag_run=run)
    monkeypatch.setattr(report, "check_deadline", Mock(side_effect=NotTold("nobody could be told")))
    with pytest.raises(NotTold):  # which is tried again
        find.python_callable(dag_run=run)


@pytest.mark.parametrize(("zone", "deadline"), [(None, (10, 0)), ("Europe/Berlin", (8, 0)), ("Asia/Kolkata", (7, 0))])
def test_the_message_is_due_on_monday_at_ten_in_the_configured_zone(monkeypatch, zone, deadline):
    if zone:
        monkeypatch.setenv("AI_FINOPS_TIMEZONE", zone)
    dag = DagBag(dag_folder=str(REPOSITORY / "dags" / "check_weekly_message.py")).dags["check_weekly_message"]
    wednesday = TimeRestriction(earliest=pendulum.datetime(2025, 6, 11, tz="UTC"), latest=None, catchup=True)
    timetable = decode_timetable(encode_timetable(dag.timetable))
    due = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=wednesday).run_after.in_timezone(
        "UTC"
    )
    assert (due.date(), (due.hour, due.minute)) == (date(2025, 6, 16), deadline)


def test_no_message_is_late_that_was_due_before_the_check_was_there(dag_bag):
    dag = dag_bag.dags["check_weekly_message"]
    timetable = decode_timetable(encode_timetable(dag.timetable))
    anything = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=anything)
    assert first.run_after > pendulum.now("UTC")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (SourceUnavailable("later"), SourceUnavailable),
        (FinanceError("v1/feature_costs.csv was changed"), AirflowFailException),
    ],
)
def test_a_final_file_that_was_changed_fails_at_once(dag_bag, monkeypatch, error, raised):
    def fail(**_):
        raise error

    monkeypatch.setattr(finance, "export", fail)
    with pytest.raises(raised, match=str(error)):
        dag_bag.dags["build_marts"].get_task("export_finance").python_callable()
