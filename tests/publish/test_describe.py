"""Published files say what their tables and columns mean, and are published without words where there are none."""

from __future__ import annotations

import json
import logging

import duckdb
import pyarrow.parquet as pq
import pytest

from ai_finops.config import Settings
from ai_finops.own_tables import OWN_TABLES
from ai_finops.publish import publish
from ai_finops.publish.describe import comment_on, descriptions_for
from ai_finops.publish.swap import published_builds
from tests.publish.test_swap import make_passed
from tests.test_dictionary import MANIFEST, MANIFEST_OF_ONE


def comments(settings):
    """Return the comments of the published tables and columns."""
    with duckdb.connect(str(settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        tables = dict(marts.execute("select table_name, comment from duckdb_tables()").fetchall())
        rows = marts.execute(
            "select table_name, column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
    return tables, {(table, column): comment for table, column, comment in rows}


def test_words_of_the_manifest_are_comments_and_metadata(settings):
    publish(settings=settings, build=make_passed(settings))
    tables, columns = comments(settings)
    assert None not in tables.values()
    assert tables["dim_days"].startswith("Every day that the marts are about")
    assert columns["fct_daily_feature_costs", "team"] == "Team from seed features, else `unknown`."
    # An apostrophe, in a file that is all quotes.
    assert columns["fct_llm_calls", "journey_name"].startswith("Kind of the user's journey")
    # The one column of the tiny marts that the mart has not.
    assert [key for key, comment in columns.items() if comment is None] == [("fct_cost_anomalies", "is_anomaly")]
    metadata = pq.read_schema(settings.published / "current" / "dim_days.parquet").metadata
    assert metadata[b"description"].decode() == tables["dim_days"]
    assert json.loads(metadata[b"column_descriptions"])["usage_date"] == "UTC day."


def test_columns_of_what_publishing_writes_are_the_described_ones(settings):
    publish(settings=settings, build=make_passed(settings))
    with duckdb.connect(str(settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        for name, table in OWN_TABLES.items():
            ask = "select column_name, data_type, is_nullable from duckdb_columns() where table_name = ?"
            rows = marts.execute(ask, [name])
            said = [(column, {"string": "VARCHAR"}.get(of, of.upper()), False) for column, of, _ in table.columns]
            assert rows.fetchall() == said


def test_the_manifest_of_the_build_comes_first(settings, tmp_path):
    build = make_passed(settings)
    place = settings.builds / build["build_id"] / "dbt" / "phase_1" / "target" / "manifest.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(MANIFEST_OF_ONE))
    [days] = [each for each in _described(settings, build) if each.name == "dim_days"]
    assert days.description == "Days, one by one."


@pytest.mark.parametrize("text", ["{", "[]", '{"nodes": {}}', '{"nodes": {"model.ai_finops.dim_days": {}}}'])
def test_without_readable_words_it_is_published_all_the_same(settings, text, caplog):
    build = make_passed(settings)
    place = settings.builds / build["build_id"] / "dbt" / "phase_1" / "target" / "manifest.json"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    with caplog.at_level(logging.WARNING):
        publish(settings=settings, build=build)
    assert f"tables of {build['build_id']} are published without descriptions" in caplog.text
    tables, columns = comments(settings)
    assert {*tables.values(), *columns.values()} == {None}
    assert len(published_builds(settings)) == 1


def test_without_any_manifest_nothing_is_said(settings, tmp_path):
    elsewhere = Settings.from_env({"AI_FINOPS_HOME": str(settings.home), "AI_FINOPS_DBT_PROJECT": str(tmp_path)})
    assert _described(elsewhere, make_passed(settings)) == []


def test_tables_and_columns_that_are_not_there_are_left_out():
    with duckdb.connect() as connection:
        connection.execute("create table dim_days (usage_date date)")
        comment_on(connection, [*_tables(), *_tables()], database="memory")
        assert connection.execute(
            "select column_name, comment from duckdb_columns() where not internal"
        ).fetchall() == [("usage_date", "UTC day.")]
        comment_on(connection, [], database="memory")


def _tables():
    from ai_finops.dictionary import tables_of

    return tables_of(MANIFEST_OF_ONE)


def _described(settings, build):
    assert MANIFEST.is_file(), "the project is not parsed; run `make manifest`"
    return descriptions_for(settings.builds / build["build_id"], dbt_project=settings.dbt_project)
