"""The clients that sources ask for by name: AWS services, and the providers' admin APIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract.api_accounts import PROVIDERS, find_account
from ai_finops.extract.http_api import JsonApi


@contextmanager
def open_clients(names: Iterable[str], *, settings: Settings) -> Iterator[dict[str, Any]]:
    """Open the clients that a source names in `CLIENTS`, and close them after the block.

    Args:
        names: A name of `PROVIDERS` for a `JsonApi`, else an AWS service for a boto3 client.
    Raises:
        SettingsError, SourceForbidden: One cannot be made; the message names the setting or the connection.
    """
    with ExitStack() as closing:
        clients = {}
        for name in names:
            clients[name] = _open(name, settings)
            closing.callback(clients[name].close)
        yield clients


def _open(name: str, settings: Settings) -> Any:
    if name in PROVIDERS:
        return JsonApi(find_account(PROVIDERS[name], settings=settings))
    return aws.client(name, settings=settings)
