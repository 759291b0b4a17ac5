"""Published marts for the views: without a row, and the tiny ones; each test may change its own."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from ai_finops.config import Settings
from tests.ui import published_marts


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path)})


@pytest.fixture(scope="package")
def made_once() -> dict[str, duckdb.DuckDBPyConnection]:
    """One set of marts without a row and one of the tiny ones, for all tests of the views."""
    made = {"empty": published_marts.make_empty(), "tiny": published_marts.make_tiny()}
    yield made
    for connection in made.values():
        connection.close()


@pytest.fixture
def marts(made_once) -> Callable[..., duckdb.DuckDBPyConnection]:
    """Return `empty` or `tiny` marts after some statements of SQL, which are undone when the test is over."""
    begun = []

    def changed(name: str, *statements: str) -> duckdb.DuckDBPyConnection:
        if made_once[name] not in begun:
            made_once[name].execute("begin")
            begun.append(made_once[name])
        for statement in statements:
            made_once[name].execute(statement)
        return made_once[name]

    yield changed
    for connection in begun:
        connection.execute("rollback")
