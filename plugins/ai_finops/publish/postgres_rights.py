"""Who may read the marts in PostgreSQL, and what their tables and columns are said to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ai_finops.errors import SettingsError

if TYPE_CHECKING:
    import duckdb
    import psycopg
    from psycopg import sql

_SCHEMA_RIGHTS = """
select null, a.privilege_type, a.grantee, pg_get_userbyid(a.grantee), a.is_grantable
from pg_namespace as n cross join lateral aclexplode(n.nspacl) as a
where n.nspname = %s and a.grantee <> n.nspowner
"""
_TABLE_RIGHTS = """
select c.relname, a.privilege_type, a.grantee, pg_get_userbyid(a.grantee), a.is_grantable
from pg_class as c cross join lateral aclexplode(c.relacl) as a
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r' and a.grantee <> c.relowner
"""
_COMMENTS = """
select c.relname, a.attname, d.description
from pg_class as c
inner join pg_description as d on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
left join pg_attribute as a on c.oid = a.attrelid and d.objsubid = a.attnum and d.objsubid > 0
where c.relnamespace = to_regnamespace(quote_ident(%s))
"""


def copy_rights(postgres: psycopg.Connection, *, old: str, new: str, tables: Iterable[str]) -> None:
    """Grant on schema `new`, and on those of its tables that `old` has too, what others were granted on the old ones."""
    from psycopg import sql

    known = set(tables)
    schema_rights = postgres.execute(_SCHEMA_RIGHTS, [old]).fetchall()
    table_rights = postgres.execute(_TABLE_RIGHTS, [old]).fetchall()
    for table, right, grantee, role, is_grantable in (*schema_rights, *table_rights):
        if table is None:
            place = sql.SQL("schema {}").format(sql.Identifier(new))
        elif table in known:
            place = sql.SQL("table {}").format(sql.Identifier(new, table))
        else:
            continue
        postgres.execute(
            sql.SQL("grant {} on {} to {}{}").format(
                sql.SQL(right),
                place,
                _role("public" if grantee == 0 else role),
                sql.SQL(" with grant option" if is_grantable else ""),
            )
        )


def grant_reading(postgres: psycopg.Connection, *, schema: str, tables: Iterable[str], readers: Sequence[str]) -> None:
    """Let roles read the tables of a schema; those that may already are not granted it again.

    Raises:
        SettingsError: The server has no such role.
    """
    from psycopg import sql

    for role in readers:
        if role != "public" and not postgres.execute("select from pg_roles where rolname = %s", [role]).fetchall():
            raise SettingsError(
                f"AI_FINOPS_POSTGRES_READERS names {role!r}, and the server has no such role; make it with create role, or "
                "correct the setting"
            )
        if not _is(postgres, "select has_schema_privilege(%s, %s, 'usage')", role, schema):
            postgres.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), _role(role)))
        for table in tables:
            place = sql.Identifier(schema, table)
            if not _is(postgres, "select has_table_privilege(%s, %s, 'select')", role, place.as_string(postgres)):
                postgres.execute(sql.SQL("grant select on table {} to {}").format(place, _role(role)))


def _is(postgres: psycopg.Connection, query: str, *values: str) -> bool:
    return postgres.execute(query, values).fetchone()[0]


def _role(name: str) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("public") if name == "public" else sql.Identifier(name)


def copy_comments(marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, *, schema: str) -> None:
    """Give tables and columns the comments that they have in the published file; those that have them are left alone."""
    from psycopg import sql

    written = {(table, column): text for table, column, text in postgres.execute(_COMMENTS, [schema])}
    wanted = marts.execute(
        "select table_name, null, comment from duckdb_tables() where database_name = current_database() and not temporary "
        "union all select table_name, column_name, comment from duckdb_columns() where database_name = current_database() "
        "and not internal"
    ).fetchall()
    for table, column, text in wanted:
        clean = text and text.replace("\0", "")
        if written.get((table, column)) == (clean or None):
            continue
        kind, names = ("table", (schema, table)) if column is None else ("column", (schema, table, column))
        statement = sql.SQL("comment on {} {} is {}").format(sql.SQL(kind), sql.Identifier(*names), sql.Literal(clean))
        postgres.execute(statement)
