"""`make env`: secrets of one's own, once."""

import stat

import pytest
from cryptography.fernet import Fernet

from ai_finops.deploy import env_file
from ai_finops.deploy.env_file import KINDS, SECRETS, env_text
from tests.compose.compose_file import env_of


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_has_all_secrets_and_others_than_the_last(kind):
    one, other = env_of(env_text(kind)), env_of(env_text(kind))
    assert all(len(one[name]) >= 44 and one[name] != other[name] for name in SECRETS)
    assert len({one[name] for name in SECRETS}) == len(SECRETS)
    Fernet(one["AIRFLOW_FERNET_KEY"])


def test_passwords_may_stand_in_a_url():
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert env_of(env_text("demo"))[name].isalnum()


def test_only_the_demo_has_credentials_of_an_aws():
    assert env_of(env_text("demo"))["AWS_ACCESS_KEY_ID"] == "local"
    account = env_of(env_text("account"))
    assert account["AWS_ACCESS_KEY_ID"] == account["AWS_SECRET_ACCESS_KEY"] == ""
    assert "AWS_ENDPOINT_URL" not in account


def test_nobody_else_may_read_it(tmp_path):
    path = tmp_path / ".env"
    assert env_file.main(["--for", "account", "--file", str(path)]) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(SECRETS) <= set(env_of(path.read_text()))


def test_a_file_that_is_there_stays(tmp_path, capsys):
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=old\n")
    assert env_file.main(["--file", str(path)]) == 1
    assert path.read_text() == "POSTGRES_PASSWORD=old\n"
    assert "is there already and stays as it is" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert env_file.main(["--file", str(tmp_path / "no" / ".env")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_no_secret_is_printed(tmp_path, capsys):
    path = tmp_path / ".env"
    env_file.main(["--file", str(path)])
    printed = capsys.readouterr()
    assert not any(env_of(path.read_text())[name] in printed.out + printed.err for name in SECRETS)
