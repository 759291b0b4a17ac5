"""One warehouse for all test processes: hand-made raw tables, both phases of the dbt project over them."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import worked_days
from tests.warehouse.tiny_lake import make_raw, run_dbt

Query = Callable[..., list[tuple]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Path of the built warehouse of `worked_days`; each test process has a copy of its own, since DuckDB lets one write."""
    path = tmp_path_factory.mktemp("worked_days") / "warehouse.duckdb"
    if worker_id == "master":
        _build(path)
        return path
    built = tmp_path_factory.getbasetemp().parent / "worked_days.duckdb"
    with built.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(path)
            shutil.copytree(_compiled(path), built.with_suffix(".compiled"))
            shutil.copyfile(path, built)
            return path
    shutil.copytree(built.with_suffix(".compiled"), _compiled(path))
    shutil.copyfile(built, path)
    return path


def _compiled(path: Path) -> Path:
    """Where dbt puts the queries of its tests, which some tests here run by themselves."""
    return path.parent / "target" / "compiled"


def _build(path: Path) -> None:
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


@pytest.fixture(scope="session")
def query(warehouse: Path) -> Query:
    """Ask the built warehouse."""

    def ask(sql: str, *values: object) -> list[tuple]:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    return ask
