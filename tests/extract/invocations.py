"""Hand-made lines of a Bedrock invocation log, in the shape of the recorded one, and the loader without S3."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.extract.accounts import Account, Accounts
from ai_finops.extract.bedrock_log_loader import MODELS, InvocationLoader
from ai_finops.privacy.users import Users
from tests.extract.loading import home_of, users_in
from tests.extract.made import zipped

RECORDED = Path(__file__).parents[1] / "fixtures" / "bedrock_logs" / "nova_lite_conversestream.jsonl"
DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
ACCOUNT, REGION = "111122223333", "us-east-1"


def record(number: int = 1, *, usage: dict | None = None, body: object = None, **changes: object) -> dict:
    """A record whose request id is its number: 100 tokens in, 20 out.

    Args:
        usage: Fields of `input` and `output` by name; None leaves one out.
        body: The output's body, if not the usual one.
        changes: Fields of the record; None leaves one out.
    """
    made = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2025-06-02T12:00:00Z",
        "accountId": ACCOUNT,
        "identity": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/docs-api/session"},
        "region": REGION,
        "requestId": f"request-{number}",
        "operation": "Converse",
        "modelId": "amazon.nova-lite-v1:0",
        "requestMetadata": {"feature": "search"},
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": "hello"}]}]},
            "inputTokenCount": 100,
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": {"stopReason": "end_turn", "metrics": {"latencyMs": 302}},
            "outputTokenCount": 20,
        },
    } | changes
    made = copy.deepcopy({name: value for name, value in made.items() if value is not None})
    for name, value in (usage or {}).items():
        part = made["output" if name.startswith("output") else "input"]
        part.pop(name, None)
        if value is not None:
            part[name] = value
    if body is not None:
        made["output"]["outputBodyJson"] = body
    return made


def lines(*records: dict) -> bytes:
    """JSON Lines as Bedrock delivers them, not compressed."""
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in records)


@dataclass
class Loaded:
    """What came of a few objects."""

    rows: list[dict]
    quarantine: list[dict]
    objects: list[Account]
    said: list[tuple]


def load(folder, *objects: bytes, as_of: date = AS_OF) -> Loaded:
    """Load objects named 0, 1, …, and check that every account adds up."""
    with users_in(home_of(folder)) as users:
        return _load(folder, *objects, users=users, as_of=as_of)


def _load(folder, *objects: bytes, users: Users, as_of: date) -> Loaded:
    accounts = Accounts("bedrock_logs", DAY)
    loader = InvocationLoader(folder, accounts=accounts, users=users, as_of=as_of)
    try:
        for number, content in enumerate(objects):
            accounts.open(str(number), bytes_read=len(content))
            loader.add(number, io.BytesIO(content))
        said = loader.finish(places=[("999999999999", "eu-west-1")] * len(objects))
        tables = loader.tables(models=pa.Table.from_pylist([], schema=MODELS), landing_date=DAY)
    finally:
        loader.close()
    for account in accounts.objects:
        parts = account.loaded_count + account.ignored_count + account.quarantined_count + account.duplicate_count
        assert account.read_count == parts, account
    rows = pq.read_table(tables["invocations"], partitioning=None).to_pylist()
    return Loaded(rows, tables["quarantine"].to_pylist(), accounts.objects, said)


def load_one(folder, made: dict) -> dict:
    """Load a single record and return its row; fails when it was quarantined."""
    loaded = load(folder, zipped(lines(made)))
    assert loaded.quarantine == []
    (row,) = loaded.rows
    return row


def reason_for(folder, made: dict) -> str:
    """Load a single record and return why it was quarantined."""
    loaded = load(folder, lines(made))
    assert loaded.rows == []
    (row,) = loaded.quarantine
    return row["reason"]
