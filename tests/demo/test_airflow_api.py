"""Airflow's API as the demo drives it, when nobody answers."""

import pytest

from ai_finops.demo.airflow_api import AirflowApi, ApiUnreachable
from ai_finops.demo.airflow_services import HOST, free_port
from ai_finops.errors import BuildError
from tests.extract.stand_in import Answer, stand_in


def test_a_server_that_does_not_answer_is_a_sentence():
    api = AirflowApi(f"http://{HOST}:{free_port()}")
    with pytest.raises(ApiUnreachable, match="did not answer /api/v2/dags/build_marts/dagRuns"):
        api.wait_for_run("build_marts", bool, timeout_seconds=5)


def test_a_process_that_died_explains_more():
    answers = iter([None])

    def check_alive():
        try:
            next(answers)  # alive before the call, dead after it
        except StopIteration:
            raise BuildError("airflow api-server ended") from None

    api = AirflowApi(f"http://{HOST}:{free_port()}", check_alive=check_alive)
    with pytest.raises(BuildError, match="api-server ended"):
        api.wait_for_run("build_marts", bool, timeout_seconds=5)


def test_while_it_starts_it_is_waited_for():
    api = AirflowApi(f"http://{HOST}:{free_port()}")
    with pytest.raises(BuildError, match="did not read build_marts within 1 s"):
        api.wait_until_ready(["build_marts"], timeout_seconds=1)


def busy(path, number):
    return Answer(500, b'{"detail": {"reason": "Database error"}}') if number < 3 else Answer(200, b'{"dag_runs": []}')


def test_a_locked_database_is_asked_again():
    with stand_in() as server:
        server.answer = busy
        assert AirflowApi(server.endpoint, busy_seconds=0).runs("build_marts") == []
        assert len(server.paths) == 4


def test_a_database_that_stays_locked_is_a_sentence():
    with stand_in() as server:
        server.answer = lambda path, number: busy(path, 0)
        with pytest.raises(BuildError, match=r"refused .*Database error"):
            AirflowApi(server.endpoint, busy_seconds=0).runs("build_marts")
        assert len(server.paths) == 30


def test_any_other_refusal_is_told_at_once():
    with stand_in() as server:
        server.answer = lambda path, number: Answer(500, b"out of memory")
        with pytest.raises(BuildError, match=r"refused .* 500 out of memory"):
            AirflowApi(server.endpoint, busy_seconds=0).runs("build_marts")
        assert len(server.paths) == 1
