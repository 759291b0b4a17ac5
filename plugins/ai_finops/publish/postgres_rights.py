"""Who may read the marts in PostgreSQL, and what their tables and columns are said to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ai_finops.errors import SettingsError
from ai_finops.publish.postgres_marks import READERS_IN, marked, readers_in
from ai_finops.publish.postgres_tables import Table

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
_TABLES = "select relname from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relkind = 'r'"
_COLUMN_RIGHTS = """
select c.relname, a.attname, x.privilege_type, x.grantee, pg_get_userbyid(x.grantee), x.is_grantable
from pg_class as c
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
cross join lateral aclexplode(a.attacl) as x
where c.relnamespace = to_regnamespace(quote_ident(%s)) and c.relkind = 'r' and x.grantee <> c.relowner
"""
_COMMENTS = """
select c.relname, a.attname, d.description
from pg_class as c
inner join pg_description as d on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
left join pg_attribute as a on c.oid = a.attrelid and d.objsubid = a.attnum and d.objsubid > 0
where c.relnamespace = to_regnamespace(quote_ident(%s))
"""


def copy_rights(postgres: psycopg.Connection, *, old: str, new: str, tables: Mapping[str, Table]) -> None:
    """Grant on schema `new`, and on those of its tables and columns that `old` has too, what others were granted on the old.

    And nothing else: what default privileges gave to a table that is there already was taken back there, or was never meant.
    """
    from psycopg import sql

    known = {name for (name,) in postgres.execute(_TABLES, [old])} & tables.keys()
    for table, _, grantee, role, _ in _rights(postgres, new):
        if table is None or table in known:
            place = _place(new, table)
            postgres.execute(sql.SQL("revoke all on {} from {}").format(place, _grantee(grantee, role)))
    columns = {(table.name, column.name) for table in tables.values() for column in table.columns}
    found = [(table, None, *right) for table, *right in _rights(postgres, old) if table is None or table in known]
    found += [row for row in postgres.execute(_COLUMN_RIGHTS, [old]).fetchall() if row[:2] in columns]
    for table, column, right, grantee, role, is_grantable in found:
        postgres.execute(
            sql.SQL("grant {}{} on {} to {}{}").format(
                sql.SQL(right),
                sql.SQL("") if column is None else sql.SQL(" ({})").format(sql.Identifier(column)),
                _place(new, table),
                _grantee(grantee, role),
                sql.SQL(" with grant option" if is_grantable else ""),
            )
        )


def _rights(postgres: psycopg.Connection, schema: str) -> list[tuple]:
    return [row for query in (_SCHEMA_RIGHTS, _TABLE_RIGHTS) for row in postgres.execute(query, [schema]).fetchall()]


def _place(schema: str, table: str | None) -> sql.Composed:
    from psycopg import sql

    if table is None:
        return sql.SQL("schema {}").format(sql.Identifier(schema))
    return sql.SQL("table {}").format(sql.Identifier(schema, table))


def _grantee(oid: int, role: str) -> sql.Composable:
    return _role("public" if oid == 0 else role)


def read_readers(postgres: psycopg.Connection, *, schema: str) -> tuple[str, ...]:
    """Return the roles that the setting let read when the schema was last published to."""
    query = "select obj_description(to_regclass(quote_ident(%s) || '.' || quote_ident(%s)), 'pg_class')"
    return readers_in(postgres.execute(query, [schema, READERS_IN]).fetchone()[0])


def revoke_reading(postgres: psycopg.Connection, *, schema: str, tables: Iterable[str], roles: Iterable[str]) -> None:
    """Take reading from roles that the setting names no more, and from whom they let read; unknown ones are passed over."""
    from psycopg import sql

    for role in roles:
        if role == "public" or postgres.execute("select from pg_roles where rolname = %s", [role]).fetchall():
            places = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
            for right, place in (("select", sql.SQL("table {}").format(places)), ("usage", _place(schema, None))):
                statement = sql.SQL("revoke {} on {} from {} cascade")
                postgres.execute(statement.format(sql.SQL(right), place, _role(role)))


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


def copy_comments(
    marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, *, schema: str, readers: Sequence[str]
) -> None:
    """Give tables and columns the comments that they have in the published file, and tables the mark that they are ours.

    Those that have them are left alone.
    """
    from psycopg import sql

    written = {(table, column): text for table, column, text in postgres.execute(_COMMENTS, [schema])}
    wanted = marts.execute(
        "select table_name, null, comment from duckdb_tables() where database_name = current_database() and not temporary "
        "union all select table_name, column_name, comment from duckdb_columns() where database_name = current_database() "
        "and not internal"
    ).fetchall()
    for table, column, text in wanted:
        clean = text and text.replace("\0", "")
        if column is None:
            clean = marked(clean, readers=readers if table == READERS_IN else ())
        if written.get((table, column)) == (clean or None):
            continue
        kind, names = ("table", (schema, table)) if column is None else ("column", (schema, table, column))
        statement = sql.SQL("comment on {} {} is {}").format(sql.SQL(kind), sql.Identifier(*names), sql.Literal(clean))
        postgres.execute(statement)
