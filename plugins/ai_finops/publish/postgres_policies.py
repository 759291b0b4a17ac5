"""Row level security that an administrator put on published tables: it holds on the tables that take their place.

Policies are made again from the server's own words for them, as pg_dump does. One that cannot be made on the new columns
keeps the build from being published: rows that nobody was to see are worse than rows of yesterday.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ai_finops.errors import PublishError

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

_SECURED = """
select relname, relrowsecurity, relforcerowsecurity
from pg_class
where relnamespace = to_regnamespace(quote_ident(%s)) and relkind = 'r' and (relrowsecurity or relforcerowsecurity)
order by relname
"""
_POLICIES = """
select
    c.relname, p.polname, p.polpermissive, p.polcmd::text,
    array(
        select case when role = 0 then 'public' else pg_get_userbyid(role)::text end
        from unnest(p.polroles) as r (role)
    ),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
from pg_policy as p
inner join pg_class as c on p.polrelid = c.oid
where c.relnamespace = to_regnamespace(quote_ident(%s))
order by c.relname, p.polname
"""
_HIDING = """
select relname::text from pg_class
where relnamespace = to_regnamespace(quote_ident(%s)) and relname = any(%s) and relkind = 'r' and row_security_active(oid)
order by relname
"""
_COMMANDS = {"*": "all", "r": "select", "a": "insert", "w": "update", "d": "delete"}


@dataclass(frozen=True, slots=True)
class Policy:
    """A row of pg_policy."""

    table: str
    name: str
    is_permissive: bool
    command: str
    roles: Sequence[str]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True)
class RowSecurity:
    """What the tables of a schema have of it."""

    switches: Sequence[tuple[str, bool, bool]]
    """Of each table that has it: whether it is on, and whether it holds for the table's owner too."""
    policies: Sequence[Policy]


def require_all_rows(postgres: psycopg.Connection, *, schema: str, tables: Collection[str]) -> None:
    """Check that row level security hides no row of the tables from the role that replaces them.

    Raises:
        PublishError: It does, of the table that is named.
    """
    if hiding := postgres.execute(_HIDING, [schema, list(tables)]).fetchall():
        table = f"{schema}.{hiding[0][0]}"
        raise PublishError(
            f"row level security of table {table} holds for the publishing role too, which then cannot replace all rows; "
            f"alter table {table} no force row level security, then publish again"
        )


def read_row_security(postgres: psycopg.Connection, *, schema: str, tables: Collection[str]) -> RowSecurity:
    """Return what these tables of a schema have of row level security, and let nobody change it until the transaction ends.

    The lock is one that readers share. Names in policies are written in full.
    """
    from psycopg import sql

    places = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
    postgres.execute(sql.SQL("lock table {} in access share mode").format(places))
    return RowSecurity(
        [row for row in postgres.execute(_SECURED, [schema]).fetchall() if row[0] in tables],
        [policy for row in postgres.execute(_POLICIES, [schema]) if (policy := Policy(*row)).table in tables],
    )


def secure_rows(postgres: psycopg.Connection, security: RowSecurity, *, schema: str) -> None:
    """Give the tables of a schema the row level security that others of their names had.

    Raises:
        PublishError: A policy cannot be made on them; the message names it.
    """
    import psycopg
    from psycopg import sql

    for policy in security.policies:
        try:
            postgres.execute(_create(policy, schema=schema))
        except psycopg.ProgrammingError as error:
            table = f"{schema}.{policy.table}"
            raise PublishError(
                f"policy {policy.name} of table {table} cannot be made on this release's tables "
                f"({error.diag.message_primary}), and rows are not published without it; alter it, or drop policy "
                f"{policy.name} on {table}, then publish again"
            ) from error
    for table, is_on, is_forced in security.switches:
        for switch in (*(["enable"] if is_on else []), *(["force"] if is_forced else [])):
            postgres.execute(
                sql.SQL("alter table {} {} row level security").format(sql.Identifier(schema, table), sql.SQL(switch))
            )


def _create(policy: Policy, *, schema: str) -> sql.Composed:
    from psycopg import sql

    roles = [sql.SQL("public") if role == "public" else sql.Identifier(role) for role in policy.roles]
    parts = [
        sql.SQL("create policy {} on {} as {} for {} to {}").format(
            sql.Identifier(policy.name),
            sql.Identifier(schema, policy.table),
            sql.SQL("permissive" if policy.is_permissive else "restrictive"),
            sql.SQL(_COMMANDS[policy.command]),
            sql.SQL(", ").join(roles),
        ),
        *(sql.SQL("using ({})").format(sql.SQL(said)) for said in (policy.using,) if said),
        *(sql.SQL("with check ({})").format(sql.SQL(said)) for said in (policy.check,) if said),
    ]
    return sql.SQL(" ").join(parts)
