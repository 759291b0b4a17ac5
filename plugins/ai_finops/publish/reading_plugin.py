"""What dbt's target `published` reads: the published marts, under the names that they have in a build's warehouse.

In a build dbt and MetricFlow call a mart `warehouse.marts.<mart>`; in the published file it lies in the main schema. The
connection is to a database in memory with a view of that name for each mart; the file is attached read only, so nobody is
blocked by it and nothing can be written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from ai_finops.errors import PublishError

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """A plugin of dbt-duckdb; its one setting, `marts`, is the path of a published `marts.duckdb`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the path, with links resolved: a connection stays on the build that it was opened on."""
        self._marts = Path(plugin_config.get("marts") or "").resolve()

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make the views.

        Raises:
            PublishError: There are no published marts at that path.
        """
        if not self._marts.is_file():
            raise PublishError(f"no published marts at {self._marts}; set AI_FINOPS_MARTS to a marts.duckdb")
        show_marts(conn, marts=self._marts)


def show_marts(connection: duckdb.DuckDBPyConnection, *, marts: Path) -> None:
    """Show the tables of a published file as `warehouse.marts.<mart>`; again on the same connection changes nothing."""
    path = str(marts).replace("'", "''")
    connection.execute(f"attach if not exists '{path}' as published (read_only)")
    connection.execute("attach if not exists ':memory:' as warehouse")
    connection.execute("create schema if not exists warehouse.marts")
    names = connection.execute("select table_name from duckdb_tables() where database_name = 'published'").fetchall()
    for (name,) in names:
        connection.execute(f'create or replace view warehouse.marts."{name}" as from published.main."{name}"')
