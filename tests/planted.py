"""Secrets and texts that a run is given and must never say; every one holds `MARK`, so that one search finds them all."""

from __future__ import annotations

import gzip
import json
import mmap
import re
import zipfile
from collections import defaultdict
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span

MARK = "Planted7f3a"
"""Letters and digits alone: it looks the same in JSON, in an address and in a shell."""
SLACK_TOKEN = f"xoxb-{MARK}-slack"
POSTGRES_PASSWORD = f"{MARK}Postgres/p@ss word"
OPENAI_KEY, ANTHROPIC_KEY = f"sk-admin-{MARK}", f"sk-ant-admin01-{MARK}"
PROMPT = f"{MARK} please summarise the contract of Mrs Example"
_ABSENT = "http://127.0.0.1:9"


def environment(*, slack_url: str = _ABSENT) -> dict[str, str]:
    """Return a deployment's secrets as its processes have them, each in the place where docs/security.md wants it."""
    connections = {
        "slack_default": {
            "conn_type": "slack", "password": SLACK_TOKEN, "extra": {"base_url": f"{slack_url}/api/", "timeout": 5},
        },
        "openai_admin": {"conn_type": "http", "password": OPENAI_KEY},
        "anthropic_admin": {"conn_type": "http", "password": ANTHROPIC_KEY},
        "marts_db": {
            "conn_type": "postgres", "host": "127.0.0.1", "port": 9, "login": "writer", "password": POSTGRES_PASSWORD,
            "schema": "bi",
        },
        "mail": {"conn_type": "smtp", "host": "127.0.0.1", "port": 9, "login": "a", "password": f"{MARK}Mail"},
    }  # fmt: skip
    return {
        "AWS_SECRET_ACCESS_KEY": f"{MARK}AwsSecretAccessKey",
        "AWS_SESSION_TOKEN": f"{MARK}AwsSessionToken",
        "AI_FINOPS_USER_KEY": f"{MARK}UserKeyOfThisDeployment",
        "AI_FINOPS_QUERY_KEY": f"{MARK}QueryKeyOfThisDeployment",
        "AIRFLOW__API__SECRET_KEY": f"{MARK}ApiSecret".ljust(64, "x"),
        "AIRFLOW__API_AUTH__JWT_SECRET": f"{MARK}JwtSecret".ljust(64, "x"),
        "AIRFLOW__CORE__FERNET_KEY": f"{MARK}FernetKey".ljust(43, "A") + "=",
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()},
    }


def objects_with_prompts() -> dict[str, bytes]:
    """Return trace objects by name that hold the prompt where a loader may quote what it cannot read.

    Only the spans of `event.json` can be read; they are no calls of a model.
    """
    telling = CALL | {"gen_ai.input.messages": PROMPT, "input.value": PROMPT}
    broken_event = {
        "name": "exception",
        "timeUnixNano": "1748865600000000000",
        "attributes": [{"key": "exception.message", "value": {"stringValue": f"cannot parse {PROMPT}"}}],
    }
    readable = request(span(1, {"input.value": PROMPT, "prompt": PROMPT}, events=[broken_event]))
    whole = json_bytes(request(span(2, telling)))
    number_wanted = request(span(3, telling, startTimeUnixNano=PROMPT))
    return {
        "event.json": json_bytes(readable),
        "cut.json": whole[:-9],
        "lines.json": b"\n".join((PROMPT.encode(), b'{"resourceSpans": ["' + PROMPT.encode() + b'"]}', b'"' + whole)),
        "typed.json": json.dumps({"resourceSpans": [{"scopeSpans": {"spans": PROMPT}}]}).encode(),
        "number.json": json_bytes(number_wanted),
        "id.json": json_bytes(request(span(4, telling, traceId=PROMPT))),
        "cut.json.gz": gzip.compress(whole)[:-20],
        "plain.json.gz": PROMPT.encode(),
        "cut.binpb": protobuf_bytes(request(span(5, telling)))[:-7],
        "text.binpb": PROMPT.encode(),
    }


def files_that_say(home: Path, *texts: str) -> list[str]:
    """Return the files below a folder that hold one of the texts: in their bytes, or in what can be read out of them.

    As `ai_finops.privacy.sweep` finds them, but in one pass for all texts and with one query for all Parquet files of a
    schema: a run of the demo leaves ten thousand files.
    """
    found: set[str] = set()
    by_schema: dict[str, list[str]] = defaultdict(list)
    pattern = "|".join(re.escape(text) for text in texts)
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_symlink() or not path.stat().st_size:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if any(content.find(text.encode()) >= 0 for text in texts):
                found.add(str(path))
        if path.suffix == ".xlsx" and any(text in _unzipped(path) for text in texts):
            found.add(str(path))
        if path.suffix == ".parquet":
            by_schema[str(pq.read_schema(path))].append(str(path))
        elif path.suffix == ".duckdb" and _is_in_database(path, pattern):
            found.add(str(path))
    with duckdb.connect() as connection:
        for paths in by_schema.values():
            relation = f"read_parquet({paths}, filename = 'the_file', hive_partitioning = false)"
            found |= {path for (path,) in _rows_with(connection, relation, pattern, shown="distinct the_file")}
    return sorted(str(Path(path).relative_to(home)) for path in found)


def _unzipped(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode(errors="replace") for name in archive.namelist())


def _is_in_database(path: Path, pattern: str) -> bool:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        named = [".".join(f'"{part}"' for part in table) for table in tables]
        return any(_rows_with(connection, table, pattern, shown="1 limit 1") for table in named)


def _rows_with(connection: duckdb.DuckDBPyConnection, relation: str, pattern: str, *, shown: str) -> list[tuple]:
    shown, _, limit = shown.partition(" limit")
    columns = connection.execute(f"describe from {relation}").fetchall()
    texts = [f'"{name}"::varchar' for name, kind, *_ in columns if "VARCHAR" in kind or kind in ("JSON", "BLOB")]
    if not texts:
        return []
    where = f"regexp_matches(concat_ws(chr(10), {', '.join(texts)}), $pattern)"
    return connection.execute(
        f"select {shown} from {relation} where {where}{limit and ' limit 1'}", {"pattern": pattern}
    ).fetchall()
