"""The blocks of docs/querying.md run: SQL on the published file and on PostgreSQL, Python in a deployment's folder."""

from __future__ import annotations

import re

import pytest

from ai_finops.config import REPOSITORY, Settings
from ai_finops.publish import open_published, publish_to_postgres
from tests.publish.postgres_cluster import READER, airflow_connection

PAGE = (REPOSITORY / "docs" / "querying.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def queries() -> list[str]:
    """Return the statements of the SQL blocks that are one query; the transaction is PostgreSQL's alone."""
    return [block.strip().removesuffix(";") for block in blocks("sql") if not block.startswith("begin")]


@pytest.fixture
def settings(full_build, monkeypatch):
    """A deployment, from a folder with `var/published`, as the page assumes."""
    monkeypatch.chdir(full_build.home.parent)
    monkeypatch.setenv("AI_FINOPS_HOME", str(full_build.home))
    return Settings.from_env()


def test_the_page_has_blocks_to_run():
    assert (len(queries()), len(blocks("python"))) == (8, 3)


@pytest.mark.parametrize("block", blocks("python"))
def test_python_runs(settings, block, capsys):
    exec(compile(block, "docs/querying.md", "exec"), {})


@pytest.mark.parametrize("query", queries())
def test_queries_run_on_the_file(settings, query):
    with open_published(settings) as marts:
        rows = marts.execute(query).fetchall()
    # The tiny marts have one month without corrections.
    assert bool(rows) is not ("'correction'" in query)


def test_queries_run_on_postgres_and_say_the_same(settings, postgres_cluster, database, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BI", airflow_connection(postgres_cluster, database))
    monkeypatch.setenv("AI_FINOPS_POSTGRES_CONNECTION", "bi")
    monkeypatch.setenv("AI_FINOPS_POSTGRES_READERS", READER)
    publish_to_postgres(settings=Settings.from_env())
    with open_published(settings) as marts, postgres_cluster.connect(database, user=READER) as reader:
        reader.execute("set search_path = ai_finops")
        for query in queries():
            assert reader.execute(query).fetchall() == marts.execute(query).fetchall(), query
        (transaction,) = [block for block in blocks("sql") if block.startswith("begin")]
        assert reader.execute(transaction).statusmessage == "BEGIN"
        assert reader.info.transaction_status == 0
