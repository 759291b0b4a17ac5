"""A PostgreSQL server of the tests' own: in a temporary folder, on a socket there, without a password but for one database."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

WRITER, READER = "ai_finops_writer", "bi_reader"
SECURED = "secured"
"""The database that asks for a password; the writer's is `tell nobody`."""
PASSWORD = "tell nobody"
PORT = 54329
_RULES = f"""
local {SECURED} {WRITER} scram-sha-256
local all all trust
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server."""

    folder: Path
    """Where its socket is."""

    def connect(self, database: str = "postgres", *, user: str = "postgres", **more) -> psycopg.Connection:
        more = {"autocommit": True} | more
        return psycopg.connect(host=str(self.folder), port=PORT, dbname=database, user=user, **more)

    def make_database(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(f"create database {name}")
            connection.execute(f"revoke all on database {name} from public")

    def empty(self, name: str) -> None:
        """Empty a database; the writer may do in it what docs/security.md asks for, and no more."""
        own = "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$)'"
        with self.connect(name) as connection:
            for (schema,) in connection.execute(own).fetchall():
                connection.execute(f"drop schema {schema} cascade")
            connection.execute(f"grant connect, create, temporary on database {name} to {WRITER}")
            connection.execute(f"grant connect on database {name} to {READER}")


def find_program(name: str) -> Path | None:
    """Return a server program: of PATH, else the newest of Debian's packages."""
    found = shutil.which(name)
    if found:
        return Path(found)
    places = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(places, key=lambda path: int(path.parts[4]), default=None)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster, start its server, stop it and remove it."""
    programs = {name: find_program(name) for name in ("initdb", "postgres")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        said = f"{missing[0]} is not installed (Debian: postgresql)"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    # pytest's own folders are closed to others, and the server runs as no root.
    folder = Path(tempfile.mkdtemp(prefix="ai-finops-postgres-"))
    account = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        _make(programs["initdb"], folder, account)
        with _running(programs["postgres"], folder, account):
            yield _with_roles(Cluster(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(initdb: Path, folder: Path, account: dict) -> None:
    command = [initdb, "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **account)
    (folder / "data" / "pg_hba.conf").write_text(_RULES)


@contextmanager
def _running(postgres: Path, folder: Path, account: dict) -> Iterator[None]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "port": str(PORT),
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
        "autovacuum": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [postgres, "-D", folder / "data", *options], stdout=log, stderr=subprocess.STDOUT, cwd=folder, **account
        )
        try:
            _wait(server, folder)
            yield
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nobody needs what it holds
            server.wait(30)


def _wait(server: subprocess.Popen, folder: Path) -> None:
    for _ in range(300):
        try:
            Cluster(folder).connect().close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                pytest.fail(f"the server did not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server does not answer: {(folder / 'log').read_text()}")


def _with_roles(started: Cluster) -> Cluster:
    with started.connect() as connection:
        connection.execute(f"create role {WRITER} login password '{PASSWORD}'")
        connection.execute(f"create role {READER} login")
    for name in (SECURED, "marts"):
        started.make_database(name)
        started.empty(name)
    return started


def airflow_connection(server: Cluster, database: str) -> str:
    """Return the writer's connection as Airflow's environment variables have it."""
    connection = {
        "conn_type": "postgres",
        "host": str(server.folder),
        "port": PORT,
        "login": WRITER,
        "schema": database,
    }
    return json.dumps(connection)
