"""The published marts as tables of PostgreSQL: columns, types, keys, and the statements that make them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_finops.build.marts import MARTS
from ai_finops.errors import PublishError
from ai_finops.publish.postgres_marks import IS_MARKED

if TYPE_CHECKING:
    import duckdb
    import psycopg
    from psycopg import sql

TYPES = {
    "VARCHAR": "text",
    '"NULL"': "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "JSON": "jsonb",
}
"""DuckDB's types, and PostgreSQL's as its catalog spells them; decimals keep precision and scale, nested values are jsonb."""
KEYS = {
    **{mart.name: mart.grain for mart in MARTS.values()},
    "dim_builds": ("build_id",),
    "dim_closed_periods": ("provider_name", "billing_account_id", "usage_month", "version"),
}
TEMPORARY = "pg_temp"
"""The schema of tables that a session has for itself."""
_LONGEST_NAME = 63
"""Bytes; PostgreSQL cuts a longer one off."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: str
    """PostgreSQL's type."""
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One mart. Two with the same value hold rows of the same shape."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns whose values are together different in every row, null a value like others; none for a mart without a grain."""

    @property
    def has_primary_key(self) -> bool:
        """Whether the key has no column that may be null."""
        nullable = {column.name for column in self.columns if column.is_nullable}
        return bool(self.key) and nullable.isdisjoint(self.key)


def tables_of_marts(marts: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """Return the tables that the open published marts are in PostgreSQL, by name.

    Raises:
        PublishError: A column's type or name has no equal there.
    """
    rows = marts.execute(
        "select table_name, column_name, data_type, is_nullable = 'YES' from information_schema.columns "
        "where table_catalog = current_database() and table_schema = 'main' order by table_name, ordinal_position"
    ).fetchall()
    columns: dict[str, list[Column]] = {}
    for table, name, kind, is_nullable in rows:
        for each in (table, name):
            if len(each.encode()) > _LONGEST_NAME:
                raise PublishError(
                    f"{each!r} is longer than the {_LONGEST_NAME} bytes of a name in PostgreSQL; shorten it"
                )
        columns.setdefault(table, []).append(Column(name, _kind(kind, where=f"{table}.{name}"), is_nullable))
    return {name: Table(name, tuple(own), KEYS.get(name, ())) for name, own in columns.items()}


def _kind(duckdb_type: str, *, where: str) -> str:
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type)
    if decimal:
        return f"numeric({decimal[1]},{decimal[2]})"
    if duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT(", "MAP(")):
        return "jsonb"
    if duckdb_type not in TYPES:
        raise PublishError(
            f"{where} is of type {duckdb_type}, which has no type in PostgreSQL yet; cast it in its mart"
        )
    return TYPES[duckdb_type]


def tables_in(postgres: psycopg.Connection, *, schema: str) -> dict[str, Table]:
    """Return the marts that a schema of PostgreSQL holds, by name: tables of the connected role that are marked as such."""
    columns: dict[str, list[Column]] = {}
    for table, name, kind, is_nullable in postgres.execute(
        r"""
        select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull
        from pg_class as c
        inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = to_regnamespace(%s) and c.relkind = 'r'
            and obj_description(c.oid, 'pg_class') ~ %s and pg_has_role(c.relowner, 'usage')
        order by c.relname, a.attnum
        """,
        [f'"{schema}"', IS_MARKED],
    ):
        columns.setdefault(table, []).append(Column(name, kind, is_nullable))
    keys = dict(
        postgres.execute(
            """
            select c.relname, array_agg(a.attname::text order by k.place)
            from pg_index as i
            inner join pg_class as c on i.indrelid = c.oid
            cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
            inner join pg_attribute as a on c.oid = a.attrelid and k.attnum = a.attnum
            where c.relnamespace = to_regnamespace(%s) and i.indisunique and i.indisvalid
            group by c.relname, i.indexrelid
            order by i.indexrelid desc
            """,
            [f'"{schema}"'],
        ).fetchall()
    )
    return {name: Table(name, tuple(own), tuple(keys.get(name, ()))) for name, own in columns.items()}


def strangers_in(postgres: psycopg.Connection, *, schema: str, tables: Collection[str]) -> list[str]:
    """Return what else a schema holds, in the server's words, such as `view ai_finops.daily`; `tables` are the marts in it."""
    rows = postgres.execute(
        """
        select pg_describe_object(d.classid, d.objid, d.objsubid)
        from pg_depend as d
        left join pg_class as c on d.classid = 'pg_class'::regclass and d.objid = c.oid
        where d.refclassid = 'pg_namespace'::regclass and d.refobjid = to_regnamespace(%s) and d.deptype = 'n'
            and (c.oid is null or c.relkind <> 'r' or c.relname <> all(%s))
        order by 1
        """,
        [f'"{schema}"', list(tables)],
    ).fetchall()
    return [told for (told,) in rows]


def create_table(table: Table, *, schema: str) -> sql.Composed:
    """Return the statement that makes a table, without its key."""
    from psycopg import sql

    columns = sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.kind),
            sql.SQL("" if column.is_nullable else " not null"),
        )
        for column in table.columns
    )
    end = sql.SQL(" on commit drop" if schema == TEMPORARY else "")
    return sql.SQL("create table {} ({}){}").format(sql.Identifier(schema, table.name), columns, end)


def create_key(table: Table, *, schema: str) -> sql.Composed:
    """Return the statement that gives a table its key: a primary key, or an index in which nulls are alike."""
    from psycopg import sql

    place, columns = sql.Identifier(schema, table.name), sql.SQL(", ").join(map(sql.Identifier, table.key))
    if table.has_primary_key:
        return sql.SQL("alter table {} add primary key ({})").format(place, columns)
    return sql.SQL("create unique index on {} ({}) nulls not distinct").format(place, columns)
