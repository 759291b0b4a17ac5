"""The published build that a request reads: opened by its resolved path, so that a publish in between does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.errors import PublishError
from ai_finops.publish import open_published
from ai_finops.publish.current import require_current

if TYPE_CHECKING:
    import duckdb

_BUILD = "select build_id, cast(as_of_date as date), cast(built_at as timestamp) from dim_builds"


@dataclass(frozen=True, slots=True)
class Build:
    """Which build is shown."""

    build_id: str
    as_of_date: date
    """The first day that it does not hold."""
    built_at: datetime


@contextmanager
def open_build(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Build]]:
    """Open what is published now and say which build it is.

    Raises:
        NothingPublished: There is no build yet.
        PublishError: It cannot be read, or does not say which build it is; the message names the file.
    """
    connection = open_published(settings)
    try:
        yield connection, _which(connection)
    finally:
        connection.close()


def published_file(settings: Settings) -> Path:
    """Return the file of the published marts without opening it.

    Raises:
        NothingPublished: There is no build yet.
        PublishError: What leads to it cannot be read.
    """
    return require_current(settings) / "marts.duckdb"


def _which(connection: duckdb.DuckDBPyConnection) -> Build:
    """Read the one row of `dim_builds`; marts of another release may lack it, or a column of it."""
    import duckdb

    try:
        rows = connection.execute(_BUILD).fetchall()
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise PublishError(
            f"the row of dim_builds in {_path(connection)} cannot be read ({why}); publish a new build"
        ) from error
    if len(rows) != 1 or None in rows[0]:
        said = f"{len(rows)} rows" if len(rows) != 1 else "an empty cell"
        raise PublishError(
            f"the table dim_builds in {_path(connection)} does not say which build it is of ({said} where one full row should "
            "be); publish a new build"
        )
    build_id, as_of_date, built_at = rows[0]
    return Build(build_id=build_id, as_of_date=as_of_date, built_at=built_at)


def _path(connection: duckdb.DuckDBPyConnection) -> str:
    return connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()[0]
