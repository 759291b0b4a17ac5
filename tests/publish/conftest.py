"""Settings of a deployment in a temporary folder."""

from __future__ import annotations

import pytest

from ai_finops.config import Settings
from tests.publish.postgres_cluster import cluster


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})


@pytest.fixture(scope="session")
def postgres_cluster():
    """A PostgreSQL server, once for all tests of this folder."""
    with cluster() as started:
        yield started
