"""The bodies of the extract tasks, called as Airflow calls them."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from ai_finops import extract
from ai_finops.config import FEEDS, REPOSITORY, Settings
from ai_finops.errors import PartitionExpired, SourceForbidden, SourceUnavailable
from ai_finops.extract import traces
from ai_finops.lake import Lake, Outcome
from ai_finops.orchestrate.extracting import daily_partitions, land_and_record

DAY = date(2025, 6, 15)


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(REPOSITORY / "dags" / "extract_traces.py")).dags["extract_traces"]


@pytest.fixture
def run(dag, tmp_path, monkeypatch):
    """Call a task's body for DAY; XComs and asset events are kept in plain dictionaries."""
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path))
    xcoms, partitions = {}, []
    event = SimpleNamespace(extra=None, add_partitions=partitions.extend)
    context = {
        "dag_run": SimpleNamespace(
            partition_key=str(DAY), run_id="r", dag_id="extract_traces", start_date=datetime(2025, 6, 16, 6, tzinfo=UTC)
        ),
        "params": {},
        "ti": SimpleNamespace(
            xcom_push=lambda key, value: xcoms.update({key: value}),
            xcom_pull=lambda task_ids, key="return_value": xcoms.get(key),
        ),
        "outlet_events": defaultdict(lambda: event),
    }

    def call(task_id):
        xcoms["return_value"] = result = dag.get_task(task_id).python_callable(**context)
        return result

    return SimpleNamespace(call=call, xcoms=xcoms, event=event, partitions=partitions, context=context)


def outcome_of(status, **more):
    return Outcome("traces", DAY, status, date(2025, 6, 16), datetime(2025, 6, 16, 6, tzinfo=UTC), **more)


def test_a_landed_day_is_recorded_and_announced(run, monkeypatch):
    monkeypatch.setattr(extract, "land", lambda *_, **__: outcome_of("loaded", read_count=3, loaded_count=3))
    run.call("land_traces")
    assert run.call("record_outcome") == {"traces": "loaded"}
    assert run.partitions == [str(DAY)]
    assert run.event.extra == {"status": {"traces": "loaded"}}
    (kept,) = Lake(Settings.from_env().lake).outcomes()
    assert (kept.status, kept.loaded_count) == ("loaded", 3)


@pytest.mark.parametrize(("last_day", "today"), [(None, date(2025, 8, 1)), ("2025-06-15", date(2025, 6, 16))])
def test_a_late_run_asks_on_the_day_it_runs_or_when_the_account_stopped(run, monkeypatch, last_day, today):
    asked = {}
    monkeypatch.setattr(extract, "land", lambda *_, **given: asked.update(given) or outcome_of("empty"))
    if last_day:
        monkeypatch.setenv("AI_FINOPS_LAST_DAY", last_day)
    run.context["dag_run"].start_date = datetime(2025, 8, 1, 6, tzinfo=UTC)
    run.call("land_traces")
    assert (asked["as_of"], asked["today"]) == (date(2025, 6, 16), today)


def refuse(error):
    def land(*_, **__):
        raise error

    return land


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (SourceForbidden("bucket x refused"), AirflowFailException),
        (SourceUnavailable("bucket x did not answer"), SourceUnavailable),
    ],
)
def test_only_a_source_that_did_not_answer_is_tried_again(run, monkeypatch, error, raised):
    monkeypatch.setattr(extract, "land", refuse(error))
    with pytest.raises(raised, match=str(error)):
        run.call("land_traces")
    assert run.call("record_outcome") == {"traces": "failed"}
    (kept,) = Lake(Settings.from_env().lake).outcomes()
    assert kept.error == str(error)
    assert run.partitions == [str(DAY)]


def test_a_day_past_the_retention_is_recorded_as_expired(run, monkeypatch):
    monkeypatch.setattr(extract, "land", refuse(PartitionExpired("CloudWatch keeps no points of it")))
    with pytest.raises(AirflowFailException, match="keeps no points"):
        run.call("land_traces")
    assert run.call("record_outcome") == {"traces": "expired"}
    (kept,) = Lake(Settings.from_env().lake).outcomes()
    assert (kept.status, kept.error) == ("expired", "CloudWatch keeps no points of it")


def test_an_unreadable_day_fails_at_once(run):
    run.context["dag_run"].partition_key = "yesterday"
    with pytest.raises(AirflowFailException, match="'yesterday' is not a date"):
        run.call("land_traces")


def test_a_killed_landing_is_recorded_as_failed(run):
    assert run.call("record_outcome") == {"traces": "failed"}
    (kept,) = Lake(Settings.from_env().lake).outcomes()
    assert "land_traces did not finish" in kept.error


def test_a_day_that_is_not_over_is_refused_and_leaves_nothing(run):
    run.context["dag_run"].partition_key = "2062-06-03"
    for task_id in ("land_traces", "record_outcome"):
        with pytest.raises(AirflowFailException, match="traces cannot be landed for 2062-06-03 as of 2025-06-16"):
            run.call(task_id)
    assert Lake(Settings.from_env().lake).outcomes() == []
    assert run.partitions == []


def test_a_feed_lands_its_enabled_sources_and_no_other(monkeypatch):
    monkeypatch.setitem(FEEDS, "traces", ("traces", "other", "third"))
    settings = replace(Settings.from_env({}), sources=("traces", "third"))
    with DAG("extract_traces", schedule=None) as dag:
        land_and_record("traces", settings=settings)
    assert set(dag.task_ids) == {"land_traces", "land_third", "record_outcome"}
    assert dag.get_task("record_outcome").upstream_task_ids == {"land_traces", "land_third"}


def test_one_dead_source_of_a_feed_does_not_hide_the_other(run, monkeypatch):
    monkeypatch.setitem(FEEDS, "traces", ("traces", "third"))
    monkeypatch.setitem(extract.SOURCES, "third", traces)
    settings = replace(Settings.from_env(), sources=("traces", "third"))
    with DAG("extract_traces", schedule=None) as dag:
        land_and_record("traces", settings=settings)
    run.xcoms["return_value"] = None
    run.context["ti"].xcom_pull = lambda task_ids, key="return_value": (
        outcome_of("loaded", read_count=3, loaded_count=3).to_json()
        if (task_ids, key) == ("land_traces", "return_value")
        else {"failure": {"error": "no such bucket", "status": "failed"}}.get(key)
    )
    recorded = dag.get_task("record_outcome").python_callable(**run.context)
    assert recorded == {"traces": "loaded", "third": "failed"}
    assert {(o.source, o.status) for o in Lake(settings.lake).outcomes()} == {("traces", "loaded"), ("third", "failed")}


def test_a_feed_without_a_source_has_no_schedule():
    settings = replace(Settings.from_env({}), sources=("billing",))
    assert daily_partitions("traces", settings=settings) is None
    assert daily_partitions("billing", settings=settings) is not None


def test_the_doc_of_the_traces_dag_speaks_of_every_source(dag):
    assert not [source for source in FEEDS["traces"] if f"`{source}`" not in dag.doc_md]


def test_every_trace_source_that_is_switched_on_has_its_task(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_SOURCES", ",".join(FEEDS["traces"]))
    bag = DagBag(dag_folder=str(REPOSITORY / "dags" / "extract_traces.py"))
    assert bag.import_errors == {}
    assert set(bag.dags["extract_traces"].task_ids) == {
        *(f"land_{source}" for source in FEEDS["traces"]),
        "record_outcome",
    }


def test_a_history_of_an_account_that_stopped_is_asked_for_as_of_then(run, monkeypatch):
    dag = DagBag(dag_folder=str(REPOSITORY / "dags" / "load_history.py")).dags["load_history"]
    asked = {}
    monkeypatch.setattr("ai_finops.extract.history.land_days", lambda *_, **given: asked.update(given) or {})
    monkeypatch.setenv("AI_FINOPS_LAST_DAY", "2025-06-15")
    run.context["dag_run"].start_date = datetime(2026, 8, 1, 6, tzinfo=UTC)
    run.context["params"] = {"first_day": "2025-06-02", "last_day": "2025-06-14"}
    dag.get_task("land_cloudwatch").python_callable("cloudwatch", **run.context)
    assert (asked["first"], asked["last"], asked["today"]) == (date(2025, 6, 2), date(2025, 6, 14), date(2025, 6, 16))
