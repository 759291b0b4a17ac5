"""The published marts under the names that they have in a build's warehouse, which is how dbt and MetricFlow call them.

There a mart is `warehouse.marts.<mart>`; in the published file it lies in the main schema. So a connection to a database in
memory gets a view of that name for each mart. The file is attached read only: nobody is blocked by it, nothing can be written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import PublishError

if TYPE_CHECKING:
    import duckdb


def show_marts(connection: duckdb.DuckDBPyConnection, *, marts: str | Path) -> None:
    """Show the tables of a published file as `warehouse.marts.<mart>`; again on the same connection changes nothing.

    Args:
        connection: To a database in memory.
        marts: Path of a `marts.duckdb`. Links are resolved: a connection stays on the build that it was opened on.
    Raises:
        PublishError: There are no published marts at that path.
    """
    place = Path(marts).resolve()
    if not place.is_file():
        raise PublishError(f"no published marts at {place}; set AI_FINOPS_MARTS to a marts.duckdb")
    path = str(place).replace("'", "''")
    connection.execute(f"attach if not exists '{path}' as published (read_only)")
    connection.execute("attach if not exists ':memory:' as warehouse")
    connection.execute("create schema if not exists warehouse.marts")
    names = connection.execute("select table_name from duckdb_tables() where database_name = 'published'").fetchall()
    for (name,) in names:
        connection.execute(f'create or replace view warehouse.marts."{name}" as from published.main."{name}"')
