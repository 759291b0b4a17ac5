"""Publish to a PostgreSQL as well: schema `ai_finops` holds the marts of one build, the one that the files hold.

All of it happens in one transaction. Where the marts have the columns that the schema has, which is every morning but those
after a release, their rows are replaced in place: a statement of a reader, and a transaction in REPEATABLE READ, sees the
rows of one build alone, and views on the marts live on. Where they have others, a new schema is filled and takes the name of
the old one, which is renamed and dropped once nobody reads it. Killed at any point, the server takes all of it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.errors import PublishError, SourceUnavailable
from ai_finops.publish.current import open_published
from ai_finops.publish.postgres_account import Account, connected, find_account
from ai_finops.publish.postgres_marks import MARK
from ai_finops.publish.postgres_policies import read_row_security, require_all_rows, secure_rows
from ai_finops.publish.postgres_rights import copy_comments, copy_rights, grant_reading, read_readers, revoke_reading
from ai_finops.publish.postgres_rows import load_tables, replace_rows
from ai_finops.publish.postgres_tables import Table, strangers_in, tables_in, tables_of_marts

if TYPE_CHECKING:
    import duckdb
    import psycopg

LOCK_SECONDS = 30
"""How long to wait for another writer, or for somebody who has locked a mart against writing."""
STATEMENT_SECONDS = 30 * 60
"""How long one statement may take, such as the copy of a mart, and the pause between two; then the server takes all back."""
DROP_LOCK_MS = 200
"""How long an old schema may wait for its readers, new ones behind it, before it is left for the next time."""
_OFF = "not configured: AI_FINOPS_POSTGRES_CONNECTION names no connection, so the marts go to no PostgreSQL"


def publish_to_postgres(*, settings: Settings) -> list[str]:
    """Bring the schema in PostgreSQL in step with the published build; again without a new build it changes nothing.

    Returns:
        What was done, a line each.
    Raises:
        PublishError: Nothing is published, the schema holds a newer build or something else, or the server refuses the marts.
        SettingsError, SourceForbidden, SourceUnavailable: As `postgres_account` says; only after the last may a retry help.
            In every case the schema is as it was.
    """
    if not settings.postgres_connection:
        return [_OFF]
    account = find_account(settings)
    with open_published(settings) as marts, connected(account) as postgres:
        with postgres.transaction():
            told = _publish(marts, postgres, settings=settings, account=account)
        return [told, *_drop_old(postgres, schema=settings.postgres_schema)]


def _publish(
    marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, *, settings: Settings, account: Account
) -> str:
    schema, build_id = settings.postgres_schema, _build_id(marts)
    place = f"schema {schema} of {account.name}"
    _begin(postgres, schema=schema)
    wanted, there = tables_of_marts(marts), tables_in(postgres, schema=schema)
    require_all_rows(postgres, schema=schema, tables=there)
    before = _published_id(postgres, there, schema=schema, place=place)
    readers, readers_before = settings.postgres_readers, read_readers(postgres, schema=schema)
    if before and before > build_id:
        raise PublishError(
            f"{place} holds build {before}, which is newer than {build_id}; publish a newer build, or drop the schema if it is "
            "of a deployment that was given up"
        )
    if before == build_id and there == wanted:
        told = f"{place} holds build {build_id} already"
    elif there == wanted:
        done = replace_rows(marts, postgres, wanted.values(), schema=schema)
        told = (
            f"{place} holds build {build_id}: {len(wanted)} marts, {done.row_count} rows, {done.added_count} of them written "
            f"and {done.removed_count} removed since {before}"
        )
    else:
        row_count = _fill(marts, postgres, wanted, schema=schema, there=there, place=place)
        told = f"{place} holds build {build_id}: {len(wanted)} marts, {row_count} rows, in tables made for it"
    copy_comments(marts, postgres, schema=schema, readers=readers)
    gone = [role for role in readers_before if role not in readers]
    revoke_reading(postgres, schema=schema, tables=wanted, roles=gone)
    grant_reading(postgres, schema=schema, tables=wanted, readers=readers)
    return f"{told}; {', '.join(gone)} may not read it any more" if gone else told


def _build_id(connection: duckdb.DuckDBPyConnection) -> str:
    return connection.execute("select build_id from dim_builds").fetchone()[0]


def _begin(postgres: psycopg.Connection, *, schema: str) -> None:
    """Set what the transaction needs, and wait until no other writer of the schema is left."""
    import psycopg

    for name, value in (
        ("lock_timeout", f"{LOCK_SECONDS}s"),
        ("statement_timeout", f"{STATEMENT_SECONDS}s"),
        ("idle_in_transaction_session_timeout", f"{STATEMENT_SECONDS}s"),
        ("row_security", "off"),
        ("timezone", "UTC"),
        ("search_path", "pg_catalog"),
    ):
        postgres.execute("select set_config(%s, %s, true)", [name, value])
    try:
        postgres.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [_lock_name(schema)])
    except psycopg.errors.LockNotAvailable as error:
        raise SourceUnavailable(
            f"another session has been publishing to schema {schema} for {LOCK_SECONDS} s (application ai-finops publish in "
            "pg_stat_activity); wait for it to end or end it, then publish again"
        ) from error


def _lock_name(schema: str) -> str:
    return f"ai_finops publish {schema}"


def _published_id(postgres: psycopg.Connection, there: dict[str, Table], *, schema: str, place: str) -> str | None:
    """Return the build that the schema holds; None for a schema without tables, or none at all."""
    from psycopg import sql

    if "dim_builds" in there:
        rows = postgres.execute(
            sql.SQL("select build_id from {}").format(sql.Identifier(schema, "dim_builds"))
        ).fetchall()
        return rows[0][0] if rows else None
    query = (
        "select from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relkind in ('r', 'p', 'v', 'm')"
    )
    if postgres.execute(query, [schema]).fetchall():
        raise PublishError(
            f"{place} holds tables, and no marts that this role published ({MARK!r} in a table's comment); name another schema "
            "in AI_FINOPS_POSTGRES_SCHEMA, or empty this one"
        )
    return None


def _fill(
    marts: duckdb.DuckDBPyConnection,
    postgres: psycopg.Connection,
    wanted: dict[str, Table],
    *,
    schema: str,
    there: dict[str, Table],
    place: str,
) -> int:
    """Make all tables anew: in the schema while it is empty, else in another that takes its name, with what others set there.

    Raises:
        PublishError: The schema holds something of others, which would lose its place; or a policy that cannot be kept.
    """
    from psycopg import sql

    def name_of(kind: str) -> str:
        xid = postgres.execute("select pg_current_xact_id()").fetchone()[0]
        return f"{schema}__{kind}_{xid}"

    if not there:
        if not postgres.execute("select from pg_namespace where nspname = %s", [schema]).fetchall():
            postgres.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
        return load_tables(marts, postgres, wanted.values(), schema=schema)
    _require_no_strangers(postgres, wanted, schema=schema, there=there, place=place)
    new, old = name_of("new"), name_of("old")
    postgres.execute(sql.SQL("create schema {}").format(sql.Identifier(new)))
    row_count = load_tables(marts, postgres, wanted.values(), schema=new)
    security = read_row_security(postgres, schema=schema, tables=there.keys() & wanted.keys())
    copy_rights(postgres, old=schema, new=new, tables=wanted)
    # Renaming waits for no reader: a schema's name is no part of what a running query holds on to.
    for present, becomes in ((schema, old), (new, schema)):
        postgres.execute(sql.SQL("alter schema {} rename to {}").format(*map(sql.Identifier, (present, becomes))))
    _move_comment(postgres, old=old, new=schema)
    secure_rows(postgres, security, schema=schema)  # only now: a policy names the tables that it reads
    return row_count


def _require_no_strangers(
    postgres: psycopg.Connection, wanted: dict[str, Table], *, schema: str, there: dict[str, Table], place: str
) -> None:
    strangers = strangers_in(postgres, schema=schema, tables=there)
    if not strangers:
        return
    lost = [name for name in wanted if f"table {schema}.{name}" in strangers]
    hint = f"; to give a mart its mark back, comment on table {schema}.{lost[0]} is {MARK!r}" if lost else ""
    raise PublishError(
        f"the marts have other columns now and come as a schema that takes the name, and {place} holds what is none of theirs: "
        f"{', '.join(strangers)}. Move it to a schema of its own (alter … set schema), drop views on the marts and make them "
        f"there again afterwards, then publish again{hint}"
    )


def _move_comment(postgres: psycopg.Connection, *, old: str, new: str) -> None:
    """Leave what somebody said of the schema at its name, and mark the old one as ours to drop."""
    from psycopg import sql

    (said,) = postgres.execute(
        "select obj_description(to_regnamespace(quote_ident(%s)), 'pg_namespace')", [old]
    ).fetchone()
    for schema, text in ((new, said), (old, MARK)):
        postgres.execute(sql.SQL("comment on schema {} is {}").format(sql.Identifier(schema), sql.Literal(text)))


def _drop_old(postgres: psycopg.Connection, *, schema: str) -> list[str]:
    """Drop what swaps have left, unless somebody reads it or has something of their own on it; say what stays.

    The build is published by now: whatever goes wrong here is told, and the next publication tries again.
    """
    import psycopg

    try:
        rows = postgres.execute(
            "select nspname from pg_namespace where nspname ~ %s and pg_has_role(nspowner, 'usage') "
            "and obj_description(oid, 'pg_namespace') = %s order by oid",
            [f"^{schema}__old_[0-9]+$", MARK],
        ).fetchall()
    except psycopg.Error as error:
        return [f"warning: could not look for schemas of earlier builds ({_words(error)}); the next publication does"]
    return [told for (name,) in rows if (told := _drop(postgres, name, schema=schema))]


def _drop(postgres: psycopg.Connection, old: str, *, schema: str) -> str | None:
    import psycopg
    from psycopg import sql

    try:
        with postgres.transaction():
            for name, value in (("lock_timeout", f"{DROP_LOCK_MS}ms"), ("statement_timeout", f"{LOCK_SECONDS}s")):
                postgres.execute("select set_config(%s, %s, true)", [name, value])
            postgres.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [_lock_name(schema)])
            tables = [sql.Identifier(old, name) for name in tables_in(postgres, schema=old)]
            if tables:
                postgres.execute(sql.SQL("drop table {}").format(sql.SQL(", ").join(tables)))
            postgres.execute(sql.SQL("drop schema if exists {}").format(sql.Identifier(old)))
    except psycopg.errors.LockNotAvailable:
        return f"schema {old} is still read; the next publication drops it"
    except psycopg.errors.DependentObjectsStillExist as error:
        return (
            f"schema {old} is kept, because something depends on it ({' '.join((error.diag.message_detail or '').split())}); "
            "make that anew on the marts, then drop it"
        )
    except psycopg.Error as error:
        return f"warning: schema {old} could not be dropped ({_words(error)}); the next publication tries again"
    return None


def _words(error: psycopg.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__
