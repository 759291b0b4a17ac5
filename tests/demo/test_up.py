"""`make up`: which port, which sign-in, and how yesterday's run comes about at any hour."""

import json
import socket
from datetime import UTC, date, datetime

import pytest

from ai_finops.demo.airflow_services import HOST, listening_on, wanted_port
from ai_finops.demo.progress import Progress
from ai_finops.demo.up import fill, is_due, sign_in_of
from ai_finops.errors import BuildError, SettingsError

FIRST, LAST = date(2025, 6, 2), date(2025, 6, 15)


class Recorder:
    """Stands where Airflow's API stands, and notes what it was asked."""

    def __init__(self):
        self.backfilled, self.unpaused, self.waited = [], [], []

    def unpause(self, dag_id):
        self.unpaused.append(dag_id)

    def trigger(self, dag_id, *, conf):
        assert (dag_id, conf) == ("load_history", {"first_day": "2025-06-02", "last_day": "2025-06-14"})
        return "r1"

    def backfill_day(self, dag_id, day):
        self.backfilled.append((dag_id, day))

    def wait_for_run(self, dag_id, is_wanted, *, timeout_seconds):
        assert is_wanted({"dag_run_id": "r1", "partition_key": "2025-06-15"})
        self.waited.append(dag_id)


@pytest.mark.parametrize(("hour", "minute", "is_so"), [(5, 59, False), (6, 0, True), (0, 0, False), (23, 59, True)])
def test_yesterday_is_due_from_the_hour_of_the_extracts_on(hour, minute, is_so):
    assert is_due(datetime(2025, 6, 16, hour, minute, tzinfo=UTC)) is is_so


def test_before_their_hour_the_extracts_are_backfilled():
    api = Recorder()
    fill(api, first=FIRST, last=LAST, is_due=False, progress=Progress(write=lambda line: None))
    assert api.backfilled == [(f"extract_{feed}", LAST) for feed in ("traces", "billing", "cloudwatch")]
    assert api.waited == ["load_history", "build_marts"]


def test_after_their_hour_the_scheduler_does_it_by_itself():
    api = Recorder()
    fill(api, first=FIRST, last=LAST, is_due=True, progress=Progress(write=lambda line: None))
    assert api.backfilled == []
    assert {"extract_traces", "extract_billing", "extract_cloudwatch"} <= set(api.unpaused)


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_named(text):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_UI_PORT is '{text}'"):
        wanted_port(text)


def test_a_port_in_use_is_named_and_a_free_one_taken():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} cannot be listened on .*AI_FINOPS_UI_PORT"):
            wanted_port(str(port))
    assert wanted_port(str(port)) == port


def test_everything_listens_on_loopback():
    assert listening_on(8080)["AIRFLOW__API__HOST"] == HOST
    assert all(HOST in value for value in listening_on(8080).values() if not value.isdecimal())


def test_the_sign_in_is_what_airflow_made_up(tmp_path):
    (tmp_path / "simple_auth_manager_passwords.json.generated").write_text(json.dumps({"admin": "secret"}))
    assert sign_in_of(tmp_path, seconds=1, check_alive=lambda: None) == ("admin", "secret")


def test_a_server_that_died_is_told_from_one_that_is_slow(tmp_path):
    def died():
        raise BuildError("airflow api-server ended")

    with pytest.raises(BuildError, match="api-server ended"):
        sign_in_of(tmp_path, seconds=60, check_alive=died)
    with pytest.raises(BuildError, match="made no sign-in within 0 s"):
        sign_in_of(tmp_path, seconds=0, check_alive=lambda: None)
