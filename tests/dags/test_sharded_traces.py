"""The real DAG with traces in shards, run by Airflow itself over a day in the local AWS."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from airflow import models
from airflow import settings as airflow_settings
from airflow.dag_processing.dagbag import DagBag
from airflow.models.base import Base
from airflow.utils.db import synchronize_log_template

from ai_finops import aws
from ai_finops.config import REPOSITORY, Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.errors import SourceForbidden
from ai_finops.extract import traces
from ai_finops.lake import Lake
from tests.extract import divided
from tests.extract.divided import DAY
from tests.extract.made import json_bytes, request, span


@pytest.fixture
def deployment(tmp_path, monkeypatch):
    """A bucket with five objects on DAY and none on the day after."""
    with local_aws() as running:
        for name, value in {
            "AI_FINOPS_HOME": str(tmp_path / "divided"),
            "AI_FINOPS_SOURCES": "traces",
            "AI_FINOPS_TRACE_SHARDS": "3",
            "AWS_ENDPOINT_URL": running.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("ai_finops.extract.trace_shards.LEAST_BYTES", 1)
        settings = Settings.from_env()
        s3 = aws.client("s3", settings=settings)
        s3.create_bucket(Bucket=settings.traces_bucket)
        for hour in range(5):
            key = f"{traces.day_prefix(DAY, settings=settings)}hour={hour:02d}/a.json"
            body = json_bytes(request(span(hour + 1), span(hour + 2)))
            s3.put_object(Bucket=settings.traces_bucket, Key=key, Body=body)
        yield settings


@pytest.fixture
def dag(deployment, monkeypatch, tmp_path):
    """The DAG, alone in its folder, and an Airflow that knows no other."""
    folder = tmp_path / "dags"
    folder.mkdir()
    shutil.copy(REPOSITORY / "dags" / "extract_traces.py", folder)
    bundle = {
        "name": "sharded",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    models.import_all_models()
    Base.metadata.create_all(airflow_settings.engine)
    synchronize_log_template()
    found = DagBag(dag_folder=str(folder)).dags["extract_traces"]
    found.deadline = None  # read back by a plugin that this Airflow does not have
    return found


def states(run) -> list[tuple[str, int, str]]:
    return sorted((task.task_id, task.map_index, str(task.state)) for task in run.get_task_instances())


def test_a_mapped_run_lands_what_one_task_lands(dag, deployment, tmp_path):
    whole = divided.twin(divided.with_known_users(deployment), tmp_path / "whole")
    run = dag.test(run_conf={"day": str(DAY)})
    assert states(run) == [
        ("join_shards", -1, "success"),
        *(("land_shard", number, "success") for number in range(3)),
        ("plan_traces", -1, "success"),
        ("record_outcome", -1, "success"),
    ]
    landed = divided.land_whole(whole)
    assert divided.content(deployment) == divided.content(whole)
    kept = Lake(deployment.lake).outcome("traces", DAY)
    assert divided.timeless(kept) == divided.timeless(landed)
    assert (kept.status, kept.loaded_count, kept.duplicate_count, kept.api_call_count) == ("loaded", 6, 4, 6)


@pytest.mark.long
def test_a_day_without_objects_is_empty(dag, deployment):
    run = dag.test(run_conf={"day": str(DAY + timedelta(days=1))})
    assert ("land_shard", -1, "skipped") in states(run)
    assert Lake(deployment.lake).outcome("traces", DAY + timedelta(days=1)).status == "empty"


@pytest.mark.long
def test_a_dead_source_is_recorded_with_its_reason(dag, deployment, monkeypatch):
    def refuse(*_, **__):
        raise SourceForbidden("an object is refused")

    monkeypatch.setattr(traces, "read_objects", refuse)
    run = dag.test(run_conf={"day": str(DAY)})
    assert run.state == "failed"
    assert {("land_shard", 0, "failed"), ("join_shards", -1, "upstream_failed")} < set(states(run))
    kept = Lake(deployment.lake).outcome("traces", DAY)
    assert (kept.status, kept.error, kept.loaded_count) == ("failed", "an object is refused", 0)


def test_order_and_names(deployment):
    dag = DagBag(dag_folder=str(REPOSITORY / "dags" / "extract_traces.py")).dags["extract_traces"]
    follows = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert follows == {
        "plan_traces": {"land_shard"},
        "land_shard": {"join_shards"},
        "join_shards": {"record_outcome"},
        "record_outcome": set(),
    }
    assert dag.get_task("record_outcome").is_teardown
