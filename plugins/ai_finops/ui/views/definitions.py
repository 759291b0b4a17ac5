"""Definitions: what every mart and every column of it means, as the published build itself says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.ui.view import Choice, Column, Fact, Filter, Section, Table, View
from ai_finops.ui.views.asking import ask, one_of

if TYPE_CHECKING:
    import duckdb

MISSING = "No definition in this build."
_ALL = "all"

COLUMNS = (
    Column("column_name", "Column", source=""),
    Column("data_type", "Type", source=""),
    Column("definition", "Definition", source=""),
)


def definitions(
    connection: duckdb.DuckDBPyConnection, *, chosen: Mapping[str, Sequence[str]], settings: Settings
) -> View:
    """List the columns of every mart with their comments; each is an anchor that the numbers of all views link to."""
    rows = ask(
        connection,
        "select c.table_name, t.comment, c.column_name, c.data_type, c.comment from duckdb_columns() as c "
        "join duckdb_tables() as t using (database_name, schema_name, table_name) "
        "where not t.internal and c.database_name = current_database() order by c.table_name, c.column_index",
    )
    marts = tuple(dict.fromkeys(row[0] for row in rows))
    choices = (Choice(_ALL, "All marts"), *(Choice(mart, mart) for mart in marts))
    mart = one_of(chosen, "mart", choices)
    shown = [row for row in rows if mart in (_ALL, row[0])]
    missing_count = sum(row[4] is None for row in rows)
    return View(
        slug="definitions",
        title="Definitions",
        lead="What does this number mean, and where does it come from?",
        sections=tuple(_section(name, list(own)) for name, own in groupby(shown, key=lambda row: row[0])),
        filters=(Filter("mart", "Mart", choices, (mart,)),),
        facts=(
            Fact("Marts", len(marts), "count"),
            Fact("Columns", len(rows), "count"),
            Fact("Without a definition", missing_count, "count", status="watch" if missing_count else "healthy"),
        ),
    )


def _section(mart: str, rows: Sequence[tuple]) -> Section:
    table = Table(
        table_id=mart.replace("_", "-"),
        title=f"Columns of {mart}",
        mart=mart,
        columns=COLUMNS,
        rows=tuple(_defined(rows)),
        row_ids=tuple(f"{mart}.{row[2]}" for row in rows),
    )
    return Section(heading=mart, tables=(table,), sentences=(rows[0][1] or MISSING,))


def _defined(rows: Iterable[tuple]) -> Iterable[tuple[str, str, str]]:
    for _, _, name, data_type, comment in rows:
        yield name, data_type, comment or MISSING
