"""What `airflow-init` does, without Airflow: that it runs with it is in tests/compose/test_processes.py."""

import json
import stat

import pytest

from ai_finops.deploy import prepare
from ai_finops.errors import BuildError, SettingsError

FILE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
PASSWORD = "a" * prepare.LEAST_PASSWORD


@pytest.fixture
def ran(monkeypatch):
    """The steps that were run, by their words."""
    steps = []
    monkeypatch.setattr(prepare, "_airflow", lambda *words, env: steps.append(words))
    return steps


def test_tables_pools_and_sign_in(ran, tmp_path):
    pools, path = tmp_path / "pools.json", tmp_path / "airflow" / "sign_in.json"
    pools.write_text("{}")
    prepare.prepare({FILE: str(path), "AIRFLOW_ADMIN_PASSWORD": PASSWORD}, pools=pools)
    assert ran == [("db", "migrate"), ("pools", "import", str(pools))]
    assert json.loads(path.read_text()) == {"admin": PASSWORD}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_again_with_another_password(ran, tmp_path):
    path = tmp_path / "sign_in.json"
    for password in (PASSWORD, PASSWORD + "b"):
        prepare.prepare({FILE: str(path), "AIRFLOW_ADMIN_PASSWORD": password})
    assert json.loads(path.read_text()) == {"admin": PASSWORD + "b"}
    assert prepare.POOLS.is_file()
    assert ran == [("db", "migrate"), ("pools", "import", str(prepare.POOLS))] * 2


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "AIRFLOW_ADMIN_PASSWORD has 0 characters"),
        ({"AIRFLOW_ADMIN_PASSWORD": PASSWORD[1:]}, "AIRFLOW_ADMIN_PASSWORD has 11 characters"),
        ({"AIRFLOW_ADMIN_PASSWORD": PASSWORD}, f"{FILE} is missing"),
    ],
)
def test_nothing_runs_without_a_password_and_a_place_for_it(ran, env, said):
    with pytest.raises(SettingsError, match=said):
        prepare.prepare(env)
    assert ran == []


def test_what_airflow_refuses_is_an_error(monkeypatch):
    monkeypatch.setattr(prepare.sys, "executable", "/bin/false")
    with pytest.raises(BuildError, match=r"airflow db migrate failed \(exit code 1\)"):
        prepare._airflow("db", "migrate", env={})
