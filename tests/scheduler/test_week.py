"""A week backfilled by partition, once under LocalExecutor with two schedulers, once under Celery with its worker killed."""

import pytest

from ai_finops.days import days_between, morning_after
from ai_finops.demo.airflow_services import SCHEDULER
from tests.scheduler.airflow_stack import AirflowStack
from tests.scheduler.redis_server import redis_server
from tests.scheduler.same_marts import unlike
from tests.scheduler.small_sample import MONDAY
from tests.scheduler.week import SATURDAY, play_week, unlike_a_whole_week

pytestmark = [pytest.mark.long, pytest.mark.timeout(5400)]
WORKER = ("celery", "worker", "--concurrency", "2", "--skip-serve-logs", "--without-gossip", "--without-mingle")
KILLED_TASK = "build_costs"


@pytest.fixture(scope="module")
def local_week(start_airflow):
    """The week under LocalExecutor, with two schedulers at work on one database."""
    with start_airflow("local_week", more_services={"second-scheduler": SCHEDULER}) as stack:
        return play_week(stack)


@pytest.fixture(scope="module")
def celery_week(start_airflow):
    """The week under CeleryExecutor and Redis, with one worker, which is killed in the middle of a build."""
    with redis_server() as address:
        more_env = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "AIRFLOW__CELERY__BROKER_URL": address}
        with start_airflow("celery_week", more_env=more_env, more_services={"worker": WORKER}) as stack:
            return play_week(stack, meanwhile=replace_worker)


def replace_worker(stack: AirflowStack) -> None:
    """Kill the worker, and the task that it runs, while Monday's models are built; start another."""

    def is_building() -> bool:
        runs = stack.runs("build_marts", key=MONDAY)
        return bool(runs) and stack.task("build_marts", runs[0], KILLED_TASK)["state"] == "running"

    stack.wait_until(is_building, what=f"Monday's {KILLED_TASK} to run")
    stack.kill("worker")
    stack.start("worker", WORKER)


def test_seven_backfilled_days_fire_their_week_once_and_six_do_not(local_week):
    assert unlike_a_whole_week(local_week) == []


def test_two_schedulers_run_nothing_twice(local_week):
    assert set(local_week.task_tries.values()) == {1}
    assert local_week.tasks_by_scheduler.keys() == {"scheduler", "second-scheduler"}, "one of them had nothing to do"


def test_the_week_fires_once_under_celery_too(celery_week):
    assert unlike_a_whole_week(celery_week) == []


def test_the_task_whose_worker_was_killed_ran_again(celery_week):
    assert celery_week.task_tries[KILLED_TASK] == 2


def test_both_executors_make_the_same_marts(celery_week, local_week):
    # Which landings a morning's build found is a matter of seconds, so what was known before the last morning may differ.
    before_the_last = {morning_after(day) for day in days_between(MONDAY, SATURDAY)}
    found = unlike(
        local_week.marts,
        celery_week.marts,
        leaving_out={"fct_daily_run_summaries"},
        mornings_left_out=before_the_last,
    )
    assert found == []
