"""The real DAG, run by Airflow itself, against a Slack that answers over HTTP."""

import json
import shutil
from decimal import Decimal

import pytest
from airflow import models
from airflow import settings as airflow_settings
from airflow.dag_processing.dagbag import DagBag
from airflow.models.base import Base
from airflow.utils.db import synchronize_log_template

from ai_finops.config import REPOSITORY


@pytest.fixture
def report_weekly(settings, monkeypatch, tmp_path):
    """The DAG, alone in its folder, and an Airflow that knows no other."""
    folder = tmp_path / "dags"
    folder.mkdir()
    shutil.copy(REPOSITORY / "dags" / "report_weekly.py", folder)
    bundle = {
        "name": "weekly",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    monkeypatch.setenv("AI_FINOPS_HOME", str(settings.home))
    models.import_all_models()
    Base.metadata.create_all(airflow_settings.engine)
    synchronize_log_template()
    return DagBag(dag_folder=str(folder)).dags["report_weekly"]


def test_five_runs_of_the_dag_post_one_message_and_update_it(report_weekly, publish_again, week, slack):
    for total in ("2140.37", "2140.37", "2150", "2150", "2160"):
        publish_again(week(total_cost_usd=Decimal(total)))
        run = report_weekly.test(run_conf={"week": "2025-06-09"})
        assert {task.task_id: task.state for task in run.get_task_instances()} == {
            "compose_message": "success",
            "post_message": "success",
        }
    (message,) = slack.messages
    assert "Total: $2,160" in message["text"]
    assert [slack.calls.count(method) for method in ("chat.postMessage", "chat.update")] == [1, 2]
