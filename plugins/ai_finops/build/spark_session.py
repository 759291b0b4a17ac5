"""The Spark session of a build: its tables lie in the build's own folder, whichever Spark makes them.

Without SPARK_REMOTE the driver is this process, its catalog lies beside the tables, and which master, how much memory and how
many partitions are Spark's own settings (`spark-defaults.conf` in SPARK_CONF_DIR). With it the driver is a Spark Connect
server, whose settings and catalog are its own: that one holds the newest build alone. What decides about results stands in
`dbt_project/profiles.yml`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ai_finops.errors import BuildError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


SCHEMAS = ("raw", "seeds", "staging", "intermediate", "marts", "main")
"""Every schema that a build makes; `main` is where unit tests work."""
_REMOTE = re.compile(r"sc://([^\s:/;]+)(?::([0-9]{1,5}))?(?:/.*)?")
_CONNECT_PORT = 15002
_CONNECT_PACKAGES = {"grpcio", "grpcio-status", "zstandard"}
_CONNECT_SECONDS = 10


def is_remote() -> bool:
    """Return whether the session is one of a Spark Connect server, as pyspark decides it."""
    return "SPARK_REMOTE" in os.environ


def missing_for_spark() -> str | None:
    """Return what this machine lacks for a build on Spark, with how to get it; None where nothing is."""
    if not {"pyspark", "dbt-spark"} <= {found.name for found in distributions()}:
        return "Spark is not installed; make install-spark"
    if is_remote():
        return missing_for_connect()
    home = os.environ.get("JAVA_HOME")
    if not (home and (Path(home) / "bin" / "java").exists()) and shutil.which("java") is None:
        return "Spark needs Java 17 (Debian: openjdk-17-jre-headless), on PATH or in JAVA_HOME"
    return None


def missing_for_connect() -> str | None:
    """Return which packages a client of a Spark Connect server lacks, with how to get them; None where none is."""
    lacking = sorted(_CONNECT_PACKAGES - {found.name for found in distributions()})
    if not lacking:
        return None
    return (
        f"a client of Spark Connect needs {' and '.join(lacking)} too; install pyspark[connect], of pyspark's version"
    )


def open_session(folder: Path) -> SparkSession:
    """Start the session of this process, over the catalog in `folder`, which may be there from an earlier phase.

    Raises:
        BuildError: Spark or Java is missing, or nothing answers at SPARK_REMOTE.
    """
    missing = missing_for_spark()
    if missing is not None:
        raise BuildError(missing)
    if is_remote():
        _require_server(os.environ["SPARK_REMOTE"])
    from pyspark.sql import SparkSession

    folder.mkdir(parents=True, exist_ok=True)
    if is_remote():
        return SparkSession.builder.getOrCreate()
    # The driver's ports ask nobody who he is. A cluster's setting spark.driver.host says where its workers reach it.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    catalog = f"jdbc:derby:;databaseName={folder / 'catalog'};create=true"
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        # A cluster's default file system may be another one.
        "spark.sql.warehouse.dir": f"file:{tables_folder(folder)}",
        "spark.hadoop.javax.jdo.option.ConnectionURL": catalog,
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder / 'derby.log'}",
    }
    builder = SparkSession.builder.appName("ai-finops").enableHiveSupport()
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def make_schemas(session: SparkSession, *, folder: Path) -> None:
    """Make the schemas of a build below `tables_folder(folder)`; those of another build are dropped with their tables.

    Only a catalog that builds share, a server's, has any of another build. What that one published is not in it.
    """
    for schema in SCHEMAS:
        place = tables_folder(folder) / f"{schema}.db"
        if session.catalog.databaseExists(schema) and not _lies_at(session, schema, place):
            session.sql(f"drop schema {schema} cascade")
        session.sql(f"create schema if not exists {schema} location '{quoted(f'file:{place}')}'")


def quoted(text: str) -> str:
    """Return a text as Spark's SQL has it between single quotes, as long as a backslash escapes: before dbt's settings."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _lies_at(session: SparkSession, schema: str, place: Path) -> bool:
    """Return whether a schema of the catalog lies there; a catalog writes a space in a path as it is, or as in a URL."""
    said = re.sub("^file:/+", "/", session.catalog.getDatabase(schema).locationUri)
    return str(place) in (said, unquote(said))


def _require_server(url: str) -> None:
    """Ask whether anything listens: pyspark itself tries for minutes before it says that nothing does."""
    found = _REMOTE.fullmatch(url)
    if not found:
        raise BuildError(f"SPARK_REMOTE is {url!r}; write the Spark Connect server as sc://<host>:<port>, or unset it")
    host, port = found[1], int(found[2] or _CONNECT_PORT)
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise BuildError(
            f"no Spark Connect server answers at {host}:{port} ({error}); start it, or correct SPARK_REMOTE"
        ) from error


def tables_folder(folder: Path) -> Path:
    """Return where the tables of a build's catalog lie: `<schema>.db/<table>/*.parquet`."""
    return folder / "tables"
