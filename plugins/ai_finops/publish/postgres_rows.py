"""Make the tables that readers read hold the rows of another build, as one transaction sees it and the next does not.

Only rows that differ are touched: writing takes no lock that a reader waits for, and what has not changed since the last build,
which is nearly all of a long history, costs no write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_finops.publish.postgres_copy import copy_rows
from ai_finops.publish.postgres_tables import TEMPORARY, Table, create_key, create_table

if TYPE_CHECKING:
    import duckdb
    import psycopg

_REMOVE = """
delete from {old} as published_row
where not exists (select from {new} as built_row where built_row = published_row)
"""
_ADD = """
insert into {old}
select * from {new} as built_row
where not exists (select from {old} as published_row where published_row = built_row)
"""
"""Two whole rows are equal here when each pair of columns is, a null being like a null."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """How many rows were written."""

    row_count: int
    added_count: int
    removed_count: int


def load_tables(
    marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, tables: Iterable[Table], *, schema: str
) -> int:
    """Make tables in a schema, with their rows and their keys; return how many rows."""
    row_count = 0
    is_temporary = schema == TEMPORARY
    for table in tables:
        postgres.execute(create_table(table, schema=schema))
        row_count += copy_rows(marts, postgres, table, schema=schema, is_frozen=not is_temporary)
        if table.key and not is_temporary:
            postgres.execute(create_key(table, schema=schema))
        _analyze(postgres, table, schema=schema)
    return row_count


def replace_rows(
    marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, tables: Iterable[Table], *, schema: str
) -> Replaced:
    """Give the tables of `schema`, which have these shapes, the rows of the open marts.

    All rows are copied first, into tables that nobody else sees, so that rows which readers could wait for, if they wrote,
    are held for as short as can be.
    """
    tables = list(tables)
    row_count = load_tables(marts, postgres, tables, schema=TEMPORARY)
    added_count = removed_count = 0
    for table in tables:
        removed, added = _replace(postgres, table, schema=schema)
        removed_count += removed
        added_count += added
        if removed or added:
            _analyze(postgres, table, schema=schema)
    return Replaced(row_count, added_count, removed_count)


def _replace(postgres: psycopg.Connection, table: Table, *, schema: str) -> tuple[int, int]:
    from psycopg import sql

    names = {"old": sql.Identifier(schema, table.name), "new": sql.Identifier(TEMPORARY, table.name)}
    # Without a key it may hold one row twice.
    statements = (_REMOVE, _ADD) if table.key else ("delete from {old}", "insert into {old} select * from {new}")
    removed, added = (postgres.execute(sql.SQL(each).format(**names)).rowcount for each in statements)
    return removed, added


def _analyze(postgres: psycopg.Connection, table: Table, *, schema: str) -> None:
    from psycopg import sql

    postgres.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table.name)))
