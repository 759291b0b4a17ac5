"""Settings of a deployment in a temporary folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ai_finops.config import Settings
from ai_finops.publish import publish, publish_to_postgres
from tests.publish.postgres_cluster import READER, WRITER, airflow_connection, cluster
from tests.publish.small_builds import make_template, publish_small


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})


@pytest.fixture(scope="session")
def postgres_cluster():
    """A PostgreSQL server, once for all tests of this folder."""
    with cluster() as started:
        yield started


@pytest.fixture(scope="session")
def full_build(tmp_path_factory):
    """Settings of a deployment that published a build of every mart; for reading only."""
    from tests.publish.test_swap import make_passed

    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path_factory.mktemp("deployment") / "var")})
    publish(settings=settings, build=make_passed(settings))
    return settings


@pytest.fixture(scope="session")
def small_template(full_build, tmp_path_factory):
    """A file of four published marts, for `publish_small`."""
    return make_template(full_build.published / "current", folder=tmp_path_factory.mktemp("template"))


@pytest.fixture
def database(postgres_cluster):
    """The name of an empty database."""
    postgres_cluster.empty("marts")
    return "marts"


@pytest.fixture
def postgres_settings(settings, postgres_cluster, database, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", airflow_connection(postgres_cluster, database))
    return replace(settings, postgres_connection="marts_db")


@pytest.fixture
def server(postgres_cluster, database):
    """A connection of the superuser to the test's database, and how to make more of others'."""
    with postgres_cluster.connect(database) as connection:
        yield connection


@pytest.fixture
def writer(postgres_cluster, database):
    """A connection of the role that publishes."""
    with postgres_cluster.connect(database, user=WRITER) as connection:
        yield connection


@pytest.fixture
def reader(postgres_cluster, database):
    """Opens connections of a role that may read at most."""
    return lambda **more: postgres_cluster.connect(database, user=READER, **more)


@pytest.fixture
def publish_build(postgres_settings, small_template):
    """Publish a build of four tiny marts, changed by `statements`, as files and to PostgreSQL."""

    def publish_build(number: int = 1, *statements: str, **changes) -> list[str]:
        chosen = replace(postgres_settings, **changes)
        publish_small(small_template, *statements, settings=chosen, number=number)
        return publish_to_postgres(settings=chosen)

    return publish_build
