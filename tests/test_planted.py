"""What is said where a secret is used and refused: a sentence without it, in the error, in what caused it, and in the log."""

from __future__ import annotations

import logging
import traceback

import pytest

from ai_finops import report
from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError
from ai_finops.extract.clients import open_clients
from ai_finops.publish import postgres_account
from ai_finops.report import mail, slack
from tests import planted


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """A deployment whose every service refuses the connection."""
    more = {
        "AI_FINOPS_HOME": str(tmp_path),
        "AI_FINOPS_POSTGRES_CONNECTION": "marts_db",
        "AI_FINOPS_EMAIL_CONNECTION": "mail",
        "AI_FINOPS_EMAIL_TO": "team@example.com",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    }
    for name, value in (planted.environment() | more).items():
        monkeypatch.setenv(name, value)
    return Settings.from_env()


def to_slack(settings):
    slack.post(slack.find_hook(""), channel="#ai-cost", text="hello")


def to_mail(settings):
    mail.send("mail", lambda sender: mail.plain_mail("s", "t", sender=sender, to=settings.email_to))


def to_postgres(settings):
    with postgres_account.connected(postgres_account.find_account(settings)):
        pass


WAYS = (to_slack, to_mail, to_postgres)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_who_does_not_answer_is_told_without_the_secret(settings, caplog, capfd, way):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AiFinopsError) as refused:
        way(settings)
    said = "".join(traceback.format_exception(refused.value)) + caplog.text + "".join(capfd.readouterr())
    assert planted.MARK not in said
    assert "efused" in said  # the test was about a refusal


def test_an_alert_that_reaches_nobody_says_so_without_the_secret(settings, caplog):
    caplog.set_level(logging.DEBUG)
    assert report.alert(settings, "AI cost: build_marts failed") == []
    assert "the alert did not get through" in caplog.text
    assert planted.MARK not in caplog.text


def test_settings_are_shown_without_their_secret(settings):
    assert settings.user_key is not None
    assert planted.MARK not in repr(settings)


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_an_admin_key_is_in_no_representation(settings, client):
    with open_clients((client,), settings=settings) as clients:
        assert planted.MARK not in repr(clients) + repr(
            vars(clients[client]) if hasattr(clients[client], "__dict__") else ""
        )


def test_what_is_planted_is_found_in_every_kind_of_file(tmp_path):
    import duckdb
    import xlsxwriter

    (tmp_path / "a.log").write_text(f"x{planted.MARK}y")
    (tmp_path / "none.log").write_text("nothing")
    with xlsxwriter.Workbook(str(tmp_path / "b.xlsx")) as book:
        book.add_worksheet().write_string(0, 0, planted.MARK)
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        words = f"case when i = 7000 then '{planted.MARK}' else 'word ' || i % 9 end"
        connection.execute(f"create table t as select i, {words} as t, [t] as l from range(20000) as r(i)")
        connection.execute(f"copy (from t) to '{tmp_path}/d.parquet' (compression zstd)")
    assert planted.files_that_say(tmp_path, planted.MARK) == ["a.log", "b.xlsx", "c.duckdb", "d.parquet"]
    assert planted.files_that_say(tmp_path, "not there", "nothing") == ["none.log"]
