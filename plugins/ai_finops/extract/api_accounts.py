"""Who asks the providers' admin APIs: keys come from Airflow connections, and from nowhere else.

A connection's password is the admin key. Its host, if it has one, takes the place of the API's own address; the other fields
are not read. Outside of Airflow, Airflow's own variable `AIRFLOW_CONN_<ID>` makes one.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ai_finops.config import Settings
from ai_finops.errors import SettingsError, SourceForbidden
from ai_finops.extract.http_api import ApiAccount

if TYPE_CHECKING:
    from airflow.sdk import Connection

_KEY_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Provider:
    """One admin API: its address and how it takes a key."""

    name: str
    base_url: str
    setting: str
    """The setting that names the connection."""
    connection_id: Callable[[Settings], str]
    key_header: str
    key_prefix: str = ""
    headers: dict[str, str] = field(default_factory=dict)


PROVIDERS = {
    "openai": Provider(
        name="OpenAI",
        base_url="https://api.openai.com",
        setting="AI_FINOPS_OPENAI_CONNECTION",
        connection_id=lambda settings: settings.openai_connection,
        key_header="Authorization",
        key_prefix="Bearer ",
    ),
    "anthropic": Provider(
        name="Anthropic",
        base_url="https://api.anthropic.com",
        setting="AI_FINOPS_ANTHROPIC_CONNECTION",
        connection_id=lambda settings: settings.anthropic_connection,
        key_header="x-api-key",
        headers={"anthropic-version": "2023-06-01"},
    ),
}
"""By client name."""


def find_account(provider: Provider, *, settings: Settings) -> ApiAccount:
    """Read a provider's connection.

    Raises:
        SourceForbidden: There is no such connection, nobody may read it, or it has no password.
        SettingsError: Its password cannot be a key, or its host is no address. Neither message shows the password.
    """
    connection_id = provider.connection_id(settings)
    connection = _find_connection(connection_id, provider=provider)
    key = (connection.password or "").strip()
    if not key:
        raise SourceForbidden(
            f"the Airflow connection {connection_id} has no password; put {provider.name}'s admin key into it"
        )
    if not _KEY_CHARACTERS.issuperset(key):
        raise SettingsError(
            f"the password of the Airflow connection {connection_id} is no {provider.name} key: it holds spaces or signs that "
            "a key cannot have; copy the key again"
        )
    return ApiAccount(
        name=provider.name,
        base_url=_base_url(connection, provider=provider),
        connection_id=connection_id,
        key_header=provider.key_header,
        key=key,
        key_prefix=provider.key_prefix,
        headers=provider.headers,
    )


def _find_connection(connection_id: str, *, provider: Provider) -> Connection:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSecretsBackendAccessDenied

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise SourceForbidden(
            f"there is no Airflow connection {connection_id}, so nobody can ask {provider.name}; make it with "
            f"`airflow connections add {connection_id} --conn-type http --conn-password <admin key>`, or name another in "
            f"{provider.setting}"
        ) from error
    except AirflowSecretsBackendAccessDenied as error:
        raise SourceForbidden(
            f"this run may not read the Airflow connection {connection_id}; allow it, or name another in {provider.setting}"
        ) from error


def _base_url(connection: Connection, *, provider: Provider) -> str:
    """The connection's host as an address: a scheme in the host, else in the schema field, else https."""
    host = (connection.host or "").strip()
    if not host:
        return provider.base_url
    if "://" not in host:
        host = f"{connection.schema if connection.schema in ('http', 'https') else 'https'}://{host}"
    wrong = f"the host of the Airflow connection {connection.conn_id} is no address of an API"
    try:
        parts = urlsplit(host)
        port = parts.port or connection.port
    except ValueError:
        raise SettingsError(f"{wrong}; write it like {provider.base_url}, or leave it empty") from None
    has_more = parts.query or parts.fragment or "@" in parts.netloc
    if not parts.hostname or has_more or parts.scheme not in ("http", "https"):
        raise SettingsError(f"{wrong}; write it like {provider.base_url}, or leave it empty")
    if parts.scheme == "http" and parts.hostname not in _OWN_MACHINE:
        raise SettingsError(f"{wrong} that a key may be sent to: it is not encrypted; write it with https://")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
