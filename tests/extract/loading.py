"""Load hand-made objects with the real loader, without S3."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from ai_finops.config import Settings
from ai_finops.extract.accounts import Account, Accounts
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.privacy.users import Users, landing_users
from tests.extract.made import json_bytes, request, span

DAY = date(2025, 6, 2)
AS_OF = date(2025, 6, 3)


@dataclass
class Loaded:
    """What came of a few objects."""

    spans: list[dict]
    quarantine: list[dict]
    unmapped: dict[tuple[str, str], int]
    objects: list[Account]
    tables: dict
    """As they go into the lake; `spans` is a file."""


@contextmanager
def users_in(folder, *, day: date = DAY, **env: str) -> Iterator[Users]:
    """The users of a landing whose home is a folder."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(folder)} | env)
    with landing_users(day, settings=settings, as_of=AS_OF) as users:
        yield users


def home_of(folder) -> Path:
    """The home of the deployment that `load` loads into a folder for: the same for folders that lie side by side."""
    return Path(folder).parent / "deployment"


def pseudonym_in(folder, user_id: str) -> str:
    """The pseudonym that a user has in what was loaded into a folder."""
    with users_in(home_of(folder)) as users:
        return users.named([user_id])[user_id]


def load(folder, *objects: bytes | tuple[str, bytes], as_of: date = AS_OF, threads: int = 1) -> Loaded:
    """Load objects named 0, 1, … (`json` unless a tuple says `protobuf`), and check that every account adds up."""
    with users_in(home_of(folder)) as users:
        return _load(folder, *objects, users=users, as_of=as_of, threads=threads)


def _load(folder, *objects: bytes | tuple[str, bytes], users: Users, as_of: date, threads: int) -> Loaded:
    accounts = Accounts("traces", DAY)
    loader = SpanLoader(folder, accounts=accounts, users=users, as_of=as_of, threads=threads)
    try:
        for number, each in enumerate(objects):
            kind, content = each if isinstance(each, tuple) else ("json", each)
            accounts.open(str(number), bytes_read=len(content))
            getattr(loader, f"add_{kind}")(number, io.BytesIO(content))
        tables = loader.tables()
    finally:
        loader.close()
    for account in accounts.objects:
        parts = account.loaded_count + account.ignored_count + account.quarantined_count + account.duplicate_count
        assert account.read_count == parts, account
    unmapped = tables["unmapped_attributes"].to_pylist()
    return Loaded(
        spans=pq.read_table(tables["spans"]).to_pylist(),
        quarantine=tables["quarantine"].to_pylist(),
        unmapped={(row["attribute_name"], row["service_name"]): row["span_count"] for row in unmapped},
        objects=accounts.objects,
        tables=tables,
    )


def load_one(
    folder, plain: dict | None = None, *, scope: str = "some.library", resource: dict | None = None, **changes
):
    """Load a single span and return its row; fails when it was quarantined."""
    loaded = load(folder, json_bytes(request(span(1, plain, **changes), scope=scope, resource=resource)))
    assert loaded.quarantine == []
    (row,) = loaded.spans
    return row


def load_named(folder, spans: dict[str, dict], *, scope: str = "some.library") -> dict[str, dict]:
    """Load one span a name, with these attributes (`scope` among them names its library), and return the rows by name.

    One load for many spans: what is read of one must not depend on its neighbours.
    """
    requests = [
        request(
            span(number, {key: value for key, value in plain.items() if key != "scope"}, name=name),
            scope=plain.get("scope", scope),
        )
        for number, (name, plain) in enumerate(spans.items(), start=1)
    ]
    loaded = load(folder, json_bytes(*requests))
    assert loaded.quarantine == []
    return {row["span_name"]: row for row in loaded.spans}


def reason_for(folder, plain: dict | None = None, *, scope: str = "some.library", **changes) -> str:
    """Load a single span and return why it was quarantined."""
    loaded = load(folder, json_bytes(request(span(1, plain, **changes), scope=scope)))
    assert loaded.spans == []
    (row,) = loaded.quarantine
    return row["reason"]
