"""Clients by name, and the keys of the providers' admin APIs from Airflow connections."""

import json
import traceback
from dataclasses import replace

import pytest

from ai_finops.errors import SettingsError, SourceForbidden
from ai_finops.extract import api_accounts
from ai_finops.extract.api_accounts import PROVIDERS, find_account
from ai_finops.extract.clients import open_clients
from ai_finops.extract.http_api import JsonApi
from tests.extract.stand_in import use_endpoint

KEY = "sk-admin-PLANTED"


@pytest.fixture
def connect(monkeypatch):
    def connect(connection_id: str, **fields) -> None:
        plain = {"conn_type": "http", "password": KEY} | fields
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(plain))

    return connect


def account(settings, name="openai"):
    return find_account(PROVIDERS[name], settings=settings)


def test_a_key_alone_is_enough(connect, settings):
    connect("openai_admin")
    connect("anthropic_admin")
    openai, anthropic = account(settings), account(settings, "anthropic")
    assert (openai.name, openai.base_url, openai.key) == ("OpenAI", "https://api.openai.com", KEY)
    assert (openai.key_header, openai.key_prefix, openai.headers) == ("Authorization", "Bearer ", {})
    assert (anthropic.name, anthropic.base_url) == ("Anthropic", "https://api.anthropic.com")
    assert (anthropic.key_header, anthropic.key_prefix) == ("x-api-key", "")
    assert anthropic.headers == {"anthropic-version": "2023-06-01"}


def test_the_setting_says_which_connection(connect, settings):
    connect("team_key")
    assert account(replace(settings, openai_connection="team_key")).connection_id == "team_key"


def test_spaces_around_a_key_are_not_part_of_it(connect, settings):
    connect("openai_admin", password=f" {KEY}\n")
    assert account(settings).key == KEY


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_no_connection_says_how_to_make_it(settings, name):
    made_with = f"airflow connections add {name}_admin --conn-type http --conn-password <admin key>"
    said = f"there is no Airflow connection {name}_admin.*{made_with}.*AI_FINOPS_{name.upper()}_CONNECTION$"
    with pytest.raises(SourceForbidden, match=said):
        account(settings, name)


@pytest.mark.parametrize("password", ["", "  ", None])
def test_no_password_is_said(connect, settings, password):
    connect("openai_admin", password=password)
    with pytest.raises(SourceForbidden, match="openai_admin has no password; put OpenAI's admin key into it"):
        account(settings)


def test_a_refused_connection_is_said(monkeypatch, settings):
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    def refuse(connection_id):
        raise AirflowSecretsBackendAccessDenied("no")

    monkeypatch.setattr(BaseHook, "get_connection", refuse)
    with pytest.raises(SourceForbidden, match="may not read the Airflow connection openai_admin"):
        account(settings)


@pytest.mark.parametrize("password", [f"{KEY} {KEY}", f"{KEY}\nx", f"{KEY}…", f"{KEY}\x00"])
def test_a_password_that_is_no_key_is_not_repeated(connect, settings, password):
    connect("openai_admin", password=password)
    with pytest.raises(
        SettingsError, match="the password of the Airflow connection openai_admin is no OpenAI key"
    ) as wrong:
        account(settings)
    assert "PLANTED" not in "".join(traceback.format_exception(wrong.value))


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "eu.api.openai.com"}, "https://eu.api.openai.com"),
        ({"host": "gate.example", "schema": "https", "port": 8443}, "https://gate.example:8443"),
        ({"host": "https://gate.example:8443/openai/"}, "https://gate.example:8443/openai"),
        ({"host": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
        ({"host": "localhost", "schema": "http", "port": 9}, "http://localhost:9"),
        ({"host": "http://[::1]:9"}, "http://[::1]:9"),
        ({"host": "gate.example", "schema": "v1"}, "https://gate.example"),
        ({"host": " "}, "https://api.openai.com"),
    ],
)
def test_a_host_takes_the_place_of_the_api(connect, settings, fields, base_url):
    connect("openai_admin", **fields)
    assert account(settings).base_url == base_url


@pytest.mark.parametrize(
    "host",
    [
        "ftp://x.example",
        "https://",
        "https://x.example:port",
        "https://user:pass@x.example",
        "https://x.example/?a=1",
        "https://x.example/#a",
        "https://[x",
    ],
)
def test_a_host_that_is_no_address_is_said(connect, settings, host):
    connect("openai_admin", host=host)
    with pytest.raises(
        SettingsError, match="the host of the Airflow connection openai_admin is no address of an API; write"
    ):
        account(settings)


def test_a_key_is_not_sent_in_the_clear(connect, settings):
    connect("openai_admin", host="http://gate.example")
    with pytest.raises(SettingsError, match="it is not encrypted; write it with https://"):
        account(settings)


def test_clients_are_opened_by_name_and_closed(connect, settings, monkeypatch):
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    connect("openai_admin")
    closed = []
    monkeypatch.setattr(JsonApi, "close", lambda self: closed.append(self.account.name))
    with open_clients(("openai", "s3"), settings=settings) as clients:
        assert list(clients) == ["openai", "s3"]
        assert clients["openai"].account.base_url == "https://api.openai.com"
        assert clients["s3"].meta.service_model.service_name == "s3"
        assert closed == []
    assert closed == ["OpenAI"]


def test_what_was_opened_is_closed_when_the_next_cannot_be(connect, settings, monkeypatch):
    connect("openai_admin")
    closed = []
    monkeypatch.setattr(JsonApi, "close", lambda self: closed.append(self.account.name))
    with (
        pytest.raises(SourceForbidden, match="anthropic_admin"),
        open_clients(("openai", "anthropic"), settings=settings),
    ):
        pass
    assert closed == ["OpenAI"]


def test_every_provider_has_its_own_setting():
    assert {each.setting for each in api_accounts.PROVIDERS.values()} == {
        "AI_FINOPS_OPENAI_CONNECTION",
        "AI_FINOPS_ANTHROPIC_CONNECTION",
    }
