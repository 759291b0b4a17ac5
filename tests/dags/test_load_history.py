"""The tasks of load_history, called as Airflow calls them."""

from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import REPOSITORY

WELL = {"line": "2 of 2", "landed_now": 2, "left_out": 0, "failed_count": 0, "failures": []}
ILL = {**WELL, "failed_count": 25, "failures": [f"traces 2025-06-{day:02}: broken" for day in range(1, 21)]}


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=str(REPOSITORY / "dags" / "load_history.py")).dags["load_history"]


def confirm(dag, **xcoms):
    given = {"land_traces": WELL, "land_billing": WELL, "land_cloudwatch": WELL, "build_history": {"build_id": "b"}}
    ti = SimpleNamespace(xcom_pull=lambda task_ids: (given | xcoms)[task_ids])
    return dag.get_task("confirm_days").python_callable(ti=ti)


def test_a_source_that_is_down_stops_neither_the_build_nor_the_verdict(dag):
    build, verdict = dag.get_task("build_history"), dag.get_task("confirm_days")
    assert build.upstream_task_ids == {"land_traces", "land_billing", "land_cloudwatch"}
    assert (build.trigger_rule, verdict.trigger_rule) == (TriggerRule.ALL_DONE, TriggerRule.ALL_DONE)
    assert dag.leaves == [verdict]  # so the run is as red as its verdict


def test_a_whole_range_is_confirmed(dag):
    assert confirm(dag) is None


@pytest.mark.parametrize(
    ("xcoms", "said"),
    [
        ({"land_traces": ILL}, "traces 2025-06-20: broken; 5 more days of traces"),
        ({"land_billing": None}, "land_billing did not come to its end"),
        ({"build_history": None}, "build_history published nothing"),
    ],
)
def test_whatever_is_missing_makes_the_run_red(dag, xcoms, said):
    with pytest.raises(AirflowFailException, match=said):
        confirm(dag, **xcoms)
