"""Publishing to PostgreSQL, on a real server: the same rows, one build, whatever happens in between."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from ai_finops import cli
from ai_finops.build.marts import MARTS
from ai_finops.errors import PublishError, SettingsError, SourceForbidden, SourceUnavailable
from ai_finops.publish import open_published, postgres, postgres_account, postgres_rows, publish_to_postgres
from ai_finops.publish.postgres_marks import MARK
from tests.publish.postgres_cluster import PASSWORD, READER, SECURED, WRITER, airflow_connection
from tests.publish.small_builds import MARTS_KEPT, publish_small

FIRST, SECOND = "000001-2025-06-11-0123abcd", "000002-2025-06-11-0123abcd"


@pytest.fixture
def settings(postgres_settings):
    return postgres_settings


def schemas(server) -> list[str]:
    rows = server.execute("select nspname from pg_namespace where nspname like 'ai%%' order by 1").fetchall()
    return [name for (name,) in rows]


def build_of(server) -> str:
    return server.execute("select build_id from ai_finops.dim_builds").fetchone()[0]


def rows_of_both(settings, server):
    """Yield each mart's name, columns and rows in the file and in PostgreSQL, in one order."""
    with open_published(settings) as marts:
        for (mart,) in marts.execute("select table_name from information_schema.tables").fetchall():
            columns = [row[0] for row in marts.execute(f"describe {mart}").fetchall()]
            listed = ", ".join(f'"{name}"' for name in columns)
            in_file = marts.execute(f"select {listed} from {mart}").fetchall()
            yield (
                mart,
                sorted(in_file, key=str),
                sorted(server.execute(f"select {listed} from ai_finops.{mart}"), key=str),
            )


def test_without_a_connection_nothing_is_done(settings):
    (told,) = publish_to_postgres(settings=replace(settings, postgres_connection=""))
    assert told.startswith("not configured: AI_FINOPS_POSTGRES_CONNECTION names no connection")


def test_every_mart_has_the_same_rows_as_the_file(settings, server, full_build):
    settings = replace(settings, home=full_build.home)
    (told,) = publish_to_postgres(settings=settings)
    assert f"holds build {FIRST}" in told
    seen = {}
    for mart, in_file, in_server in rows_of_both(settings, server):
        assert in_server == in_file
        assert [list(map(type, row)) for row in in_server] == [list(map(type, row)) for row in in_file]
        seen[mart] = len(in_file)
    assert seen.keys() == MARTS.keys() | {"dim_builds", "dim_closed_periods"}
    assert sum(bool(row_count) for row_count in seen.values()) > 30


def test_the_shell_publishes_too(settings, server, small_template, monkeypatch, capsys):
    publish_small(small_template, settings=settings, number=1)
    monkeypatch.setenv("AI_FINOPS_HOME", str(settings.home))
    monkeypatch.setenv("AI_FINOPS_POSTGRES_CONNECTION", "marts_db")
    assert cli.main(["publish", "--to", "postgres"]) == 0
    assert f"holds build {FIRST}: 5 marts, " in capsys.readouterr().out
    assert build_of(server) == FIRST


ODD = """
create table marts.fct_odd as
select * from (values
    (1::bigint, 'tab\t, line\nand return\r', 123456789012.123456::decimal(18, 6), 1e-12::decimal(38, 12), 'nan'::double,
     timestamp '2025-06-02 10:00:00.000001', timestamptz '2025-06-02 10:00:00+02', date '1969-12-31', true, ['a', null],
     {'a': '\\ "é"'}),
    (2, '\\N', -0.000001, 99999999999999999999999999.999999999999, 'inf', timestamp '0001-01-01 00:00:00',
     timestamptz '9999-12-31 23:59:59+00', date '9999-12-31', false, [], {'a': null}),
    (3, '', 0, 0, 0.1::double + 0.2::double, null, null, null, null, null, null),
    (4, null, null, null, null, null, null, null, null, null, null),
    (5, '\\.', 1, 1, 1.7976931348623157e308, null, null, null, null, null, null),
    (6, '=cmd|''/c calc''!A1; drop table x; -- %s {}', 1, 1, -1e-300, null, null, null, null, null, null),
    (7, 'a\\tb\\\\', 1, 1, 5e-324, null, null, null, null, null, null),
    (8, chr(0) || 'nul' || chr(0), 1, 1, 1, null, null, null, null, [chr(0)], null),
    (9, '\U0001f4b8 ünï', 1, 1, '-inf', null, null, null, null, null, null)
) as o("order", "select", "Cost USD", a_cost_usd, a_ratio, seen_at, told_at, a_date, is_odd, texts, nested)
"""


MANY = "create table marts.fct_many as select i, 'é' || i as name from range(501) as r(i)"


def test_odd_values_arrive_as_they_are_and_in_as_many_batches_as_it_takes(settings, server, monkeypatch, publish_build):
    monkeypatch.setattr("ai_finops.publish.postgres_copy.ROWS_PER_BATCH", 2)
    publish_build(1, ODD.replace("\\\\", "\\"), MANY)
    assert server.execute("select count(*), sum(i), max(name) from ai_finops.fct_many").fetchone() == (
        501,
        125250,
        "é99",
    )
    kinds = server.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = 'ai_finops.fct_odd'::regclass and attnum > 0 order by attnum"
    ).fetchall()
    assert [kind for _, kind in kinds] == [
        *("bigint", "text", "numeric(18,6)", "numeric(38,12)", "double precision", "timestamp without time zone"),
        *("timestamp with time zone", "date", "boolean", "jsonb", "jsonb"),
    ]
    rows = server.execute('select * from ai_finops.fct_odd order by "order"').fetchall()
    first = rows[0]
    assert first[1:4] == ("tab\t, line\nand return\r", Decimal("123456789012.123456"), Decimal("0.000000000001"))
    assert math.isnan(first[4])
    assert first[5:7] == (datetime(2025, 6, 2, 10, 0, 0, 1), datetime(2025, 6, 2, 8, tzinfo=UTC))
    assert first[7:] == (date(1969, 12, 31), True, ["a", None], {"a": '\\ "é"'})
    assert rows[1][1:5] == ("\\N", Decimal("-0.000001"), Decimal("99999999999999999999999999.999999999999"), math.inf)
    assert rows[2][1] == ""
    assert rows[2][4] == 0.1 + 0.2
    assert rows[3][1:] == (None,) * 10
    assert (rows[4][1], rows[4][4]) == ("\\.", 1.7976931348623157e308)
    assert rows[5][1] == "=cmd|'/c calc'!A1; drop table x; -- %s {}"
    assert (rows[6][1], rows[6][4]) == ("a\\tb\\", 5e-324)
    # PostgreSQL has no NUL in its texts.
    assert (rows[7][1], rows[7][9]) == ("\ufffdnul\ufffd", ["\ufffd"])
    assert (rows[8][1], rows[8][4]) == ("\U0001f4b8 ünï", -math.inf)
    # Without a grain all rows are written again, and one that is there twice stays so.
    publish_build(2, ODD.replace("\\\\", "\\"), MANY, 'insert into marts.fct_odd from marts.fct_odd where "order" = 4')
    assert server.execute('select count(*) from ai_finops.fct_odd where "order" = 4').fetchone() == (2,)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "create table marts.fct_odd as select '1 day'::interval as i",
            r"fct_odd.i is of type INTERVAL, which has no type",
        ),
        (
            f"create table marts.fct_odd as select 1 as {'ü' * 32}",
            "is longer than the 63 bytes of a name in PostgreSQL",
        ),
    ],
)
def test_what_postgres_cannot_hold_is_named(settings, server, statement, said, publish_build):
    with pytest.raises(PublishError, match=said):
        publish_build(1, statement)
    assert schemas(server) == []


def test_keys_and_not_null_are_those_of_the_marts(settings, server, publish_build):
    not_null = [
        f"alter table marts.fct_daily_feature_costs alter column {name} set not null"
        for name in ("usage_date", "feature_id")
    ]
    publish_build(1, *not_null)
    keys = dict(
        server.execute(
            "select indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class on indrelid = oid "
            "where relnamespace = 'ai_finops'::regnamespace"
        ).fetchall()
    )
    assert keys.keys() == {f"ai_finops.{mart}" for mart in MARTS_KEPT}
    assert "fct_daily_feature_costs_pkey" in keys["ai_finops.fct_daily_feature_costs"]
    assert "dim_builds_pkey" in keys["ai_finops.dim_builds"]
    assert keys["ai_finops.fct_daily_metrics"].endswith(
        "USING btree (usage_date, feature_id, dimension, metric_name) NULLS NOT DISTINCT"
    )
    with pytest.raises(psycopg.errors.NotNullViolation):
        server.execute("update ai_finops.fct_daily_feature_costs set feature_id = null")
    with pytest.raises(psycopg.errors.UniqueViolation):
        server.execute("insert into ai_finops.fct_daily_metrics select * from ai_finops.fct_daily_metrics limit 1")
    statistics = "select count(*) from pg_stats where schemaname = 'ai_finops' and tablename = 'fct_llm_calls'"
    assert server.execute(statistics).fetchone()[0] > 0


def test_comments_of_the_file_are_the_tables_comments(settings, server, publish_build):
    publish_build()
    folder = settings.published / "current"
    from ai_finops.build.raw_views import open_warehouse

    with open_warehouse(folder / "marts.duckdb") as marts:
        marts.execute("comment on table dim_builds is 'Which build; it''s one row'")
        marts.execute("comment on column dim_builds.build_id is 'The build''s id'")
    # The same build again: nothing but what is said of it.
    assert publish_to_postgres(settings=settings)[0].endswith(f"holds build {FIRST} already")
    read = (
        "select obj_description('ai_finops.dim_builds'::regclass), col_description('ai_finops.dim_builds'::regclass, 1)"
    )
    assert server.execute(read).fetchone() == (f"Which build; it's one row\n\n{MARK}", "The build's id")
    with open_warehouse(folder / "marts.duckdb") as marts:
        marts.execute("comment on table dim_builds is null")
    publish_to_postgres(settings=settings)
    assert server.execute(read).fetchone() == (MARK, "The build's id")


def test_the_next_build_touches_only_rows_that_differ_and_the_same_again_none(settings, server, publish_build):
    publish_build()
    before = dict(server.execute("select call_id, ctid::text || xmin::text from ai_finops.fct_llm_calls").fetchall())
    (told,) = publish_build(
        2,
        "update marts.fct_llm_calls set output_tokens = output_tokens + 1 "
        "where call_id = (select min(call_id) from marts.fct_llm_calls)",
        "delete from marts.fct_llm_calls where call_id = (select max(call_id) from marts.fct_llm_calls)",
    )
    # dim_builds has another row too.
    assert f"2 of them written and 3 removed since {FIRST}" in told
    after = dict(server.execute("select call_id, ctid::text || xmin::text from ai_finops.fct_llm_calls").fetchall())
    assert set(before.items()) - set(after.items()) == {
        (call_id, before[call_id]) for call_id in (min(before), max(before))
    }
    for _, in_file, in_server in rows_of_both(settings, server):
        assert in_server == in_file
    assert (build_of(server), schemas(server)) == (SECOND, ["ai_finops"])
    stamps = "select relname, relfilenode, xmin::text from pg_class where relnamespace = 'ai_finops'::regnamespace"
    rows = "select xmin::text, ctid::text from ai_finops.dim_builds"
    before = (sorted(server.execute(stamps)), server.execute(rows).fetchall())
    assert publish_to_postgres(settings=settings)[0].endswith(f"holds build {SECOND} already")
    assert (sorted(server.execute(stamps)), server.execute(rows).fetchall()) == before


def test_an_older_build_never_replaces_a_newer(settings, server, tmp_path, publish_build):
    publish_build(2)
    with pytest.raises(
        PublishError, match=f"holds build {SECOND}, which is newer than {FIRST}; publish a newer build, or"
    ):
        publish_build(home=tmp_path / "other")
    assert build_of(server) == SECOND


def test_nothing_published_is_a_sentence(settings):
    with pytest.raises(PublishError, match="nothing is published in"):
        publish_to_postgres(settings=settings)


RELEASE = "alter table marts.fct_daily_metrics add column new_ratio double default 0.5"


def test_other_columns_come_with_a_schema_that_takes_the_name(settings, server, publish_build):
    publish_build()
    (told,) = publish_build(2, RELEASE, "create table marts.rpt_new as select 1 as one")
    assert told.endswith("in tables made for it")
    assert (build_of(server), schemas(server)) == (SECOND, ["ai_finops"])
    assert server.execute("select distinct new_ratio from ai_finops.fct_daily_metrics").fetchall() == [(0.5,)]
    for _, in_file, in_server in rows_of_both(settings, server):
        assert in_server == in_file
    # And back again, when the release is taken back.
    publish_build(3)
    assert (build_of(server)[:6], schemas(server)) == ("000003", ["ai_finops"])
    assert server.execute("select to_regclass('ai_finops.rpt_new')").fetchone() == (None,)


def test_a_reader_of_old_tables_keeps_them_and_blocks_nothing(settings, server, reader, publish_build):
    publish_build(postgres_readers=(READER,))
    with reader(autocommit=False) as session, session.cursor("open") as cursor:
        cursor.execute("select usage_date, feature_id from ai_finops.fct_daily_metrics")
        first = cursor.fetchmany(1)
        told = publish_build(2, RELEASE, postgres_readers=(READER,))
        old = schemas(server)[1]
        assert told[1] == f"schema {old} is still read; the next publication drops it"
        assert build_of(server) == SECOND
        assert len(first + cursor.fetchall()) == 9
        # A new statement of the same transaction reads the new tables.
        assert session.execute("select distinct new_ratio from ai_finops.fct_daily_metrics").fetchall() == [(0.5,)]
    (told,) = publish_to_postgres(settings=settings)
    assert schemas(server) == ["ai_finops"]


def test_a_view_of_somebody_keeps_the_old_tables_and_is_named(settings, server, publish_build):
    publish_build()
    server.execute("create schema ours")
    server.execute("create view ours.daily as select * from ai_finops.fct_daily_metrics")
    publish_build(2)
    assert server.execute("select count(*) from ours.daily").fetchone()[0] > 0
    told = publish_build(3, RELEASE)
    assert "is kept, because something depends on it (view ours.daily depends on table" in told[1]
    assert len(schemas(server)) == 2
    server.execute("drop view ours.daily")
    publish_to_postgres(settings=settings)
    assert schemas(server) == ["ai_finops"]


def test_readers_of_the_setting_may_read_and_nothing_else(settings, server, reader, publish_build):
    publish_build()
    with reader() as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("select from ai_finops.dim_builds")
    publish_to_postgres(settings=replace(settings, postgres_readers=(READER,)))
    for number, statements in ((2, ()), (3, (RELEASE, "create table marts.rpt_new as select 1 as one"))):
        publish_build(number, *statements, postgres_readers=(READER,))
        with reader() as session:
            assert session.execute("select build_id from ai_finops.dim_builds").fetchone()[0][:6] == f"{number:06d}"
            for statement in ("delete from ai_finops.dim_builds", "create table ai_finops.mine ()"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(statement)
    with reader() as session:
        assert session.execute("select one from ai_finops.rpt_new").fetchone() == (1,)


def test_what_was_granted_by_hand_goes_over_to_new_tables(settings, server, reader, publish_build):
    publish_build()
    server.execute(f"grant usage on schema ai_finops to {READER}")
    server.execute(f"grant select on ai_finops.fct_daily_metrics to {READER} with grant option")
    server.execute("grant select on ai_finops.dim_builds to public")
    publish_build(2, RELEASE)
    with reader() as session:
        assert session.execute("select distinct new_ratio from ai_finops.fct_daily_metrics").fetchall() == [(0.5,)]
        assert build_of(session) == SECOND
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("select from ai_finops.fct_llm_calls")
        session.execute(f"grant select on ai_finops.fct_daily_metrics to {WRITER}")


def test_a_reader_who_left_the_setting_reads_no_more(settings, server, reader, publish_build):
    """By the next publication, of the same build too; who was let in by hand stays."""
    server.execute("create role by_hand")
    try:
        publish_build(postgres_readers=("public",))
        comment = "select obj_description('ai_finops.dim_builds'::regclass)"
        assert server.execute(comment).fetchone() == (f'{MARK} Readers by its setting: ["public"]',)
        with reader() as session:
            assert build_of(session) == FIRST
        for grant in ("usage on schema ai_finops", "select on ai_finops.dim_builds"):
            server.execute(f"grant {grant} to by_hand")
        # Everybody may not any more; the one who is named may.
        (told,) = publish_to_postgres(settings=replace(settings, postgres_readers=(READER,)))
        assert told.endswith(f"holds build {FIRST} already; public may not read it any more")
        with reader() as session:
            assert build_of(session) == FIRST
        # With other columns as well.
        assert publish_build(2, RELEASE)[0].endswith(f"; {READER} may not read it any more")
        with reader() as session, pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema ai_finops"):
            session.execute("select from ai_finops.dim_builds")
        server.execute("set role by_hand")
        assert build_of(server) == SECOND
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.execute("select from ai_finops.fct_llm_calls")
        server.execute("reset role")
        # One who is gone from the server needs no taking.
        publish_to_postgres(settings=replace(settings, postgres_readers=("by_hand",)))
    finally:
        server.execute("reset role")
        server.execute("drop owned by by_hand")
        server.execute("drop role by_hand")
    assert publish_to_postgres(settings=settings)[0].endswith("; by_hand may not read it any more")
    assert server.execute(comment).fetchone() == (MARK,)


COLUMNS_SEEN = "usage_date, feature_id"


def test_rows_and_columns_that_were_hidden_stay_hidden_on_new_tables(settings, server, reader, writer, publish_build):
    publish_build(1, RELEASE)
    server.execute(f"grant usage on schema ai_finops to {READER}")
    server.execute(f"grant select ({COLUMNS_SEEN}, new_ratio) on ai_finops.fct_daily_metrics to {READER}")
    server.execute(f"grant select on ai_finops.fct_daily_feature_costs, ai_finops.dim_builds to {READER}")
    server.execute("alter table ai_finops.fct_daily_feature_costs enable row level security")
    # In its words another mart, which is another table afterwards.
    server.execute(
        f'create policy "its 100%s {{}} own" on ai_finops.fct_daily_feature_costs to {READER} '
        "using (feature_id = 'chat' and exists (select from ai_finops.dim_builds where build_id like '%'))"
    )
    server.execute(
        "create policy no_future on ai_finops.fct_daily_feature_costs as restrictive for select using (usage_date < now())"
    )
    policies = "select * from pg_policies order by policyname"
    before = server.execute(policies).fetchall()
    # What is made new must not be opened by what the role gives to all that it makes.
    writer.execute("alter default privileges grant select on tables to public")
    publish_build(2, RELEASE)  # in place: nothing is made
    publish_build(3)  # and here all is
    try:
        assert server.execute(policies).fetchall() == before
        with reader() as session:
            assert build_of(session)[:6] == "000003"
            seen = session.execute("select distinct feature_id from ai_finops.fct_daily_feature_costs").fetchall()
            assert seen == [("chat",)]
            assert len(session.execute(f"select {COLUMNS_SEEN} from ai_finops.fct_daily_metrics").fetchall()) == 9
            for hidden in ("ai_finops.fct_llm_calls", "ai_finops.fct_daily_metrics"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(f"select * from {hidden}")
    finally:
        writer.execute("alter default privileges revoke select on tables from public")


def test_a_policy_that_the_new_columns_have_no_room_for_keeps_the_build_from_its_readers(
    settings, server, reader, publish_build
):
    publish_build(1, RELEASE, postgres_readers=(READER,))
    server.execute("alter table ai_finops.fct_daily_metrics enable row level security")
    server.execute("create policy half on ai_finops.fct_daily_metrics using (new_ratio < 0.5)")
    with pytest.raises(
        PublishError,
        match=r'policy half of table ai_finops\.fct_daily_metrics cannot be made .*\(column "new_ratio" does not exist\)',
    ):
        publish_build(2, postgres_readers=(READER,))
    assert (build_of(server), schemas(server)) == (FIRST, ["ai_finops"])
    with reader() as session:
        assert session.execute("select from ai_finops.fct_daily_metrics").fetchall() == []
    server.execute("drop policy half on ai_finops.fct_daily_metrics")
    publish_to_postgres(settings=replace(settings, postgres_readers=(READER,)))
    with reader() as session:
        assert build_of(session) == SECOND
        # It is on still, and without a policy it lets nobody see a row.
        assert session.execute("select from ai_finops.fct_daily_metrics").fetchall() == []
        assert len(session.execute("select from ai_finops.fct_daily_feature_costs").fetchall()) > 0
    # Where it would hide rows from the one who replaces them too, two builds would come to stand in one table.
    server.execute("alter table ai_finops.fct_daily_metrics force row level security")
    with pytest.raises(
        PublishError,
        match=r"of table ai_finops\.fct_daily_metrics holds for the publishing role too.*no force row level",
    ):
        publish_build(3)
    assert build_of(server) == SECOND


def test_an_unknown_reader_is_named_and_changes_nothing(settings, server, publish_build):
    with pytest.raises(
        SettingsError, match="AI_FINOPS_POSTGRES_READERS names 'nobody', and the server has no such role"
    ):
        publish_build(postgres_readers=("nobody",))
    assert schemas(server) == []


def test_an_empty_schema_of_the_role_is_enough(settings, server, database, publish_build):
    server.execute(f"create schema ai_finops authorization {WRITER}")
    server.execute(f"revoke create on database {database} from {WRITER}")
    publish_build()
    publish_build(2)
    assert build_of(server) == SECOND
    with pytest.raises(
        SourceForbidden, match=r"permission denied for database \w+; docs/security.md says what it needs"
    ):
        publish_build(3, RELEASE)
    assert build_of(server) == SECOND


def test_a_schema_of_somebody_else_is_left_alone(settings, server, publish_build):
    server.execute("create schema ai_finops")
    server.execute("create table ai_finops.fct_theirs as select 1 as one")
    with pytest.raises(
        PublishError, match=r"holds tables, and no marts that this role published \('Published by ai-finops\.' in"
    ):
        publish_build()
    assert server.execute("select one from ai_finops.fct_theirs").fetchall() == [(1,)]


def test_what_others_have_beside_the_marts_stays_and_what_a_swap_would_displace_is_named(
    settings, server, writer, publish_build
):
    """Also what is called like a mart and is of the publishing role: only the mark in its comment makes it one."""
    publish_build()
    writer.execute("create table ai_finops.fct_mine as select 1 as one")
    writer.execute("create schema ai_finops__old_7")
    server.execute("create table ai_finops.targets as select 1 as one")
    server.execute("create view ai_finops.daily as select * from ai_finops.fct_daily_metrics")
    server.execute("create function ai_finops.one() returns int language sql as 'select 1'")
    assert f"removed since {FIRST}" in publish_build(2)[0]
    with pytest.raises(PublishError) as refused:
        publish_build(3, RELEASE)
    listed = "function ai_finops.one(), table ai_finops.fct_mine, table ai_finops.targets, view ai_finops.daily"
    assert f"holds what is none of theirs: {listed}. Move it to a schema of its own" in str(refused.value)
    assert build_of(server) == SECOND
    assert server.execute("select count(*) from ai_finops.daily").fetchone()[0] > 0
    server.execute("drop function ai_finops.one()")
    server.execute("drop view ai_finops.daily")
    server.execute("create schema ours")
    for name in ("fct_mine", "targets"):
        server.execute(f"alter table ai_finops.{name} set schema ours")
    publish_to_postgres(settings=settings)
    assert (build_of(server)[:6], schemas(server)) == ("000003", ["ai_finops", "ai_finops__old_7"])
    assert server.execute("select * from ours.fct_mine, ours.targets").fetchall() == [(1, 1)]


def test_a_mart_that_lost_its_mark_is_named_and_one_that_is_gone_comes_back(settings, server, publish_build):
    publish_build()
    server.execute("comment on table ai_finops.fct_daily_metrics is 'our words'")
    with pytest.raises(
        PublishError,
        match=r"theirs: table ai_finops\.fct_daily_metrics\. .*comment on table ai_finops\.fct_daily_metrics is 'Publ",
    ):
        publish_build(2)
    server.execute(f"comment on table ai_finops.fct_daily_metrics is '{MARK}'")
    publish_to_postgres(settings=settings)
    assert build_of(server) == SECOND
    server.execute("drop table ai_finops.fct_cost_drivers")
    assert publish_to_postgres(settings=settings)[0].endswith("in tables made for it")
    assert server.execute("select count(*) from ai_finops.fct_cost_drivers").fetchone()[0] > 0


def test_what_cannot_be_cleared_away_afterwards_is_a_warning(settings, server, monkeypatch, publish_build):
    publish_build()
    server.execute("comment on schema ai_finops is 'ask Ann'")
    server.execute("create schema ours")
    server.execute(
        "create function ours.refuse() returns event_trigger language plpgsql as $$ begin raise 'not today'; end $$"
    )
    server.execute(
        "create event trigger refuse on ddl_command_start when tag in ('DROP TABLE') execute function ours.refuse()"
    )
    published, warning = publish_build(2, RELEASE)
    old = schemas(server)[1]
    assert f"holds build {SECOND}" in published
    assert warning.startswith(f"warning: schema {old} could not be dropped (not today ")
    assert warning.endswith("; the next publication tries again")
    server.execute("drop schema ours cascade")
    real = postgres._drop

    def lose(*args, **kwargs):
        lose_connection(server)
        return real(*args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(postgres, "_drop", lose)
        assert "could not be dropped (terminating connection" in publish_to_postgres(settings=settings)[1]
    assert len(publish_to_postgres(settings=settings)) == 1
    assert schemas(server) == ["ai_finops"]
    assert server.execute("select obj_description('ai_finops'::regnamespace)").fetchone() == ("ask Ann",)


DYING = """
import json, os, signal, sys
from ai_finops.config import Settings
from ai_finops.publish import postgres, postgres_rows, publish_to_postgres
from ai_finops.publish.postgres_account import Account

# Airflow is left out: to import it takes longer than all else here.
arguments = json.loads(sys.argv[4])
postgres.find_account = lambda settings: Account("marts_db", arguments)

module = {"postgres": postgres, "postgres_rows": postgres_rows}[sys.argv[1]]
name, after = sys.argv[2], int(sys.argv[3])
real, calls = getattr(module, name), []

def die(*args, **kwargs):
    calls.append(1)
    done = real(*args, **kwargs)
    if len(calls) == after:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(module, name, die)
publish_to_postgres(settings=Settings.from_env())
"""
STATIONS = (
    ("postgres", "_begin", 1, False),
    ("postgres_rows", "create_table", 3, False),
    ("postgres_rows", "copy_rows", 4, False),
    ("postgres_rows", "_replace", 3, False),
    ("postgres", "copy_comments", 1, False),
    ("postgres", "grant_reading", 1, False),
    ("postgres", "_drop_old", 1, True),
)


def kill(settings, module: str, name: str, after: int) -> None:
    arguments = json.dumps(dict(postgres_account.find_account(settings).arguments))
    env = os.environ | {"AI_FINOPS_HOME": str(settings.home), "AI_FINOPS_POSTGRES_CONNECTION": "marts_db"}
    process = subprocess.run([sys.executable, "-c", DYING, module, name, str(after), arguments], env=env, check=False)
    assert process.returncode == -signal.SIGKILL


def test_killed_before_or_after_the_end_leaves_one_whole_build(settings, server, publish_build, small_template):
    publish_build()
    publish_small(small_template, settings=settings, number=2)
    for *where, is_done in (STATIONS[2], STATIONS[6]):
        kill(settings, *where)
        assert (build_of(server), schemas(server)) == (SECOND if is_done else FIRST, ["ai_finops"])
    publish_to_postgres(settings=settings)
    assert (build_of(server), schemas(server)) == (SECOND, ["ai_finops"])


@pytest.mark.parametrize(
    ("statements", "stations"), [((), (0, 2, 3, 5)), ((RELEASE,), (1, 2, 4))], ids=["rows", "schema"]
)
def test_a_lost_connection_leaves_the_build_before(settings, server, monkeypatch, statements, stations, publish_build):
    publish_build()
    for number, station in enumerate(stations, start=2):
        module, name, after, _ = STATIONS[station]
        target = {"postgres": postgres, "postgres_rows": postgres_rows}[module]
        with monkeypatch.context() as broken:
            broken.setattr(target, name, losing(server, getattr(target, name), after=after))
            with pytest.raises(SourceUnavailable, match=r"does not answer or ended the connection: .*still there"):
                publish_build(number, *statements)
        assert (build_of(server), schemas(server)) == (FIRST, ["ai_finops"]), name
    publish_to_postgres(settings=settings)
    assert (build_of(server)[:6], schemas(server)) == (f"{number:06d}", ["ai_finops"])


def losing(server, real, *, after: int):
    """Return a function that loses the publisher's connection once it was called so often."""
    calls = []

    def lose(*args, **kwargs):
        calls.append(1)
        done = real(*args, **kwargs)
        if len(calls) == after:
            lose_connection(server)
        return done

    return lose


def lose_connection(server) -> None:
    server.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ai-finops publish'"
    )


def test_what_keeps_a_publication_waiting_is_a_sentence(
    settings, server, monkeypatch, postgres_cluster, database, publish_build
):
    """Another writer, a session that locks a mart against writing or is about to hide its rows, and a statement too long."""
    publish_build()
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 1)
    with postgres_cluster.connect(database, user=WRITER, autocommit=False) as other:
        other.execute("select pg_advisory_xact_lock(hashtextextended('ai_finops publish ai_finops', 0))")
        with pytest.raises(SourceUnavailable, match="another session has been publishing to schema ai_finops for 1 s"):
            publish_build(2)
    with postgres_cluster.connect(database, autocommit=False) as other:
        other.execute("lock table ai_finops.dim_builds in share mode")
        with pytest.raises(
            SourceUnavailable, match=r"is locked by another session .*; end that one or wait, then publish"
        ):
            publish_build(3)
    with postgres_cluster.connect(database, autocommit=False) as other:
        # Were the table replaced meanwhile, the old one would get what the new one needs.
        other.execute("alter table ai_finops.fct_daily_metrics enable row level security")
        with pytest.raises(SourceUnavailable, match=r"is locked by another session .*; end that one or wait"):
            publish_build(4, RELEASE)
        other.rollback()

    def wait(marts, connection, *given, **named) -> None:
        connection.execute("select set_config('statement_timeout', '1ms', true)")
        connection.execute("select pg_sleep(600)")

    with monkeypatch.context() as slow:
        slow.setattr(postgres, "replace_rows", wait)
        with pytest.raises(
            SourceUnavailable,
            match=r"broke off a statement \(canceling statement due to statement timeout.*still there",
        ):
            publish_build(5)
    assert build_of(server) == FIRST
    publish_to_postgres(settings=settings)
    assert build_of(server)[:6] == "000005"


def test_a_role_whose_transactions_repeat_their_reads_publishes_too(settings, server, publish_build, monkeypatch):
    server.execute(f"alter role {WRITER} set default_transaction_isolation = 'serializable'")
    server.execute(f"alter role {WRITER} set default_transaction_read_only = on")
    server.execute(f"alter role {WRITER} set statement_timeout = '100s'")
    shown = []
    real = postgres.grant_reading

    def show(connection, **given):
        for name in (
            "transaction_isolation",
            "statement_timeout",
            "idle_in_transaction_session_timeout",
            "lock_timeout",
        ):
            shown.append(connection.execute(f"show {name}").fetchone()[0])
        real(connection, **given)

    monkeypatch.setattr(postgres, "grant_reading", show)
    try:
        publish_build()
    finally:
        server.execute(f"alter role {WRITER} reset all")
    assert shown == ["read committed", "30min", "30min", "30s"]
    assert build_of(server) == FIRST


def test_no_such_server_database_or_password_is_a_sentence(settings, small_template, postgres_cluster, monkeypatch):
    publish_small(small_template, settings=settings, number=1)
    for changes, error, said in (
        ({"port": 1}, SourceUnavailable, r"PostgreSQL secured on \S+:1 does not answer"),
        ({"schema": "none"}, SourceForbidden, 'database "none" does not exist; correct the connection'),
        ({}, SourceForbidden, "no password supplied"),
        ({"password": "wrong word"}, SourceForbidden, "password authentication failed"),
    ):
        connection = json.loads(airflow_connection(postgres_cluster, SECURED)) | changes
        monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", json.dumps(connection))
        with pytest.raises(error, match=said) as raised:
            publish_to_postgres(settings=settings)
        assert "wrong word" not in str(raised.value) + str(raised.value.__cause__)
    connection = json.loads(airflow_connection(postgres_cluster, SECURED)) | {"password": PASSWORD}
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", json.dumps(connection))
    assert PASSWORD not in publish_to_postgres(settings=settings)[0]


def test_connection_of_another_kind_or_none_is_a_sentence(settings, monkeypatch):
    for text, said in (
        ('{"conn_type": "mysql"}', "is of type 'mysql'; AI_FINOPS_POSTGRES_CONNECTION needs a postgres one"),
        ('{"conn_type": "postgres", "extra": {"iam": true}}', "asks for IAM tokens, which are not read here"),
    ):
        monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", text)
        with pytest.raises(SettingsError, match=said):
            publish_to_postgres(settings=settings)
    monkeypatch.delenv("AIRFLOW_CONN_MARTS_DB")
    with pytest.raises(
        SourceForbidden, match="there is no Airflow connection marts_db, so the marts cannot go to PostgreSQL"
    ):
        publish_to_postgres(settings=settings)


def test_extras_of_libpq_are_used_and_others_are_not(settings, monkeypatch):
    uri_text = (
        "postgresql://me:p%40ss%2Fword@db.example:6432/marts?sslmode=verify-full&sslrootcert=%2Fca.pem&cursor=dict"
    )
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", uri_text)
    account = postgres_account.find_account(settings)
    arguments = dict(account.arguments)
    assert (arguments.pop("connect_timeout"), arguments.pop("tcp_user_timeout")) == (10, 60_000)
    assert {name: arguments[name] for name in arguments if not name.startswith("keepalives")} == {
        "host": "db.example",
        "port": 6432,
        "user": "me",
        "password": "p@ss/word",
        "dbname": "marts",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
    }
    assert account.name == "PostgreSQL marts on db.example:6432"
    assert "p@ss/word" not in repr(account)


def test_a_password_in_the_servers_words_is_covered():
    account = postgres_account.Account("c", {"password": "p@ss", "host": "h"})
    told = postgres_account._told(psycopg.OperationalError('bad option "p@ss"'), account=account)
    assert "p@ss" not in str(told)
    assert "***" in str(told)


def test_without_psycopg_the_extra_is_named(settings, small_template, monkeypatch):
    publish_small(small_template, settings=settings, number=1)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        SettingsError, match=r"psycopg is not installed; add it with pip install 'ai-finops\[postgres\]'"
    ):
        publish_to_postgres(settings=settings)


def test_a_server_before_15_is_refused(settings, small_template, monkeypatch):
    publish_small(small_template, settings=settings, number=1)
    monkeypatch.setattr(postgres_account, "OLDEST_SERVER", 99)
    with pytest.raises(SettingsError, match=r"is version 1[5-9]; the marts need 99 or later"):
        publish_to_postgres(settings=settings)
