"""What dbt-duckdb loads for dbt's target `published` (profiles.yml): a connection that shows the published marts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from ai_finops.publish.reading import show_marts

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):
    """A plugin of dbt-duckdb; its one setting, `marts`, is the path of a published `marts.duckdb`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the path."""
        self._marts = plugin_config.get("marts") or ""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Make the views; raises PublishError where there are no marts."""
        show_marts(conn, marts=self._marts)
