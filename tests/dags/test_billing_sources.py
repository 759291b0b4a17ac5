"""The DAG of the billing feed with all of its sources switched on."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import FEEDS, REPOSITORY, Settings
from ai_finops.lake import Lake

SOURCES = ("billing", "focus", "cost_explorer", "openai", "anthropic")
DAY = date(2025, 6, 4)


@pytest.fixture
def dag(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_SOURCES", ",".join(SOURCES))
    bag = DagBag(dag_folder=str(REPOSITORY / "dags" / "extract_billing.py"))
    assert bag.import_errors == {}
    return bag.dags["extract_billing"]


def test_every_billing_source_has_its_task_and_is_recorded(dag):
    assert FEEDS["billing"] == SOURCES
    assert set(dag.task_ids) == {*(f"land_{source}" for source in SOURCES), "record_outcome"}
    record = dag.get_task("record_outcome")
    assert record.upstream_task_ids == {f"land_{source}" for source in SOURCES}
    assert [asset.name for asset in record.outlets] == ["raw_billing"]


def test_its_doc_speaks_of_every_source(dag):
    assert not [source for source in SOURCES if f"`{source}`" not in dag.doc_md]


@pytest.mark.parametrize("source", ["openai", "anthropic"])
def test_without_a_connection_the_task_fails_at_once_and_says_how_to_make_it(dag, tmp_path, monkeypatch, source):
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path))
    pushed = {}
    run = SimpleNamespace(
        partition_key=str(DAY), run_id="r", dag_id="d", start_date=datetime(2025, 6, 5, 6, tzinfo=UTC)
    )
    task_instance = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    with pytest.raises(AirflowFailException, match=f"airflow connections add {source}_admin"):
        dag.get_task(f"land_{source}").python_callable(dag_run=run, params={}, ti=task_instance)
    assert pushed["failure"]["status"] == "failed"
    assert f"there is no Airflow connection {source}_admin" in pushed["failure"]["error"]
    assert Lake(Settings.from_env().lake).current(source) == {}
