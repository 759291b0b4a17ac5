"""One warehouse for the session: hand-made raw tables, both phases of the dbt project over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import worked_days
from tests.warehouse.tiny_lake import make_raw, run_dbt

Query = Callable[..., list[tuple]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the built warehouse of `worked_days`."""
    path = tmp_path_factory.mktemp("worked_days") / "warehouse.duckdb"
    make_raw(
        path,
        spans=worked_days.SPANS,
        lines=worked_days.LINES,
        outcomes=worked_days.OUTCOMES,
        analyses=worked_days.ANALYSES,
    )
    for phase in ("phase_1", "phase_2"):
        built = run_dbt(path, "build", f"--select=tag:{phase}", as_of_date=worked_days.AS_OF_DATE)
        assert built.returncode == 0, built.stdout[-4000:] + built.stderr
        assert "WARN=0 ERROR=0 SKIP=0" in built.stdout
    return path


@pytest.fixture(scope="session")
def query(warehouse: Path) -> Query:
    """Ask the built warehouse."""

    def ask(sql: str, *values: object) -> list[tuple]:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    return ask
