"""Reading the published marts by their bare names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.errors import ReportError

if TYPE_CHECKING:
    import duckdb


def open_marts(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the published marts with their schema as the default one.

    In `marts.duckdb`, catalog and schema are both called `marts`, and DuckDB refuses `marts.<name>` as ambiguous.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published file holds no marts.
    """
    from ai_finops.publish import open_published

    connection = open_published(settings)
    found = connection.execute(
        "select table_catalog, table_schema from information_schema.tables where table_name = 'dim_builds'"
    ).fetchone()
    if found is None:
        connection.close()
        raise ReportError(f"the file published in {settings.published} holds no marts; publish again")
    connection.execute(f"set schema = '{found[0]}.{found[1]}'")
    return connection
